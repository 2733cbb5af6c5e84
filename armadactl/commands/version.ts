import { packageVersion } from '@armada-ts/api/package-version';
import type { GetServerInfoResponse } from '@armada-ts/client/server-info';
import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';

/** What is promised of an answered submit. */
const SURVIVES = new Map([
  ['local', 'the end of any server process'],
  ['synced', 'power loss too'],
  ['replicated', 'the loss of any one machine that holds data'],
]);

export function define(command: Command, context: CommandContext): void {
  command
    .option('--server', 'ask the server too: its version, its store, and what an answered submit survives')
    .action(async (options: { server?: boolean }) => {
      const version = packageVersion(import.meta.url);
      const { node } = process.versions;
      const own = `armadactl ${version} (Node ${node})`;
      if (!options.server) {
        context.output.fact({ name: version, line: () => own, json: () => ({ version, node }) });
        return;
      }
      const { getServerInfo } = await import('@armada-ts/client/server-info');
      const server = await getServerInfo(await context.connection());
      context.output.fact({
        name: server.version,
        line: () => [own, ...linesOf(server)].join('\n'),
        json: (toJson) => ({
          version,
          node,
          server: toJson('armada.server.v1.GetServerInfoResponse', server),
        }),
      });
    });
}

function linesOf({
  name,
  version,
  store,
  acknowledgement,
  servers,
  notices,
}: GetServerInfoResponse): string[] {
  const survived = SURVIVES.get(acknowledgement);
  return [
    `server ${name} ${version}`,
    `store ${store}`,
    `acknowledgement ${acknowledgement}${survived ? `: an answered submit survives ${survived}` : ''}`,
    ...servers.map(
      ({ name: one, version: its, address, leads }) =>
        `alive ${one} ${its} at ${address}${leads ? ', leads' : ''}`,
    ),
    ...notices.map((notice) => `note: ${notice}`),
  ];
}
