import { packageVersion } from '@armada-ts/api/package-version';
import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';

export function define(command: Command, context: CommandContext): void {
  command.action(() => {
    const version = packageVersion(import.meta.url);
    const { node } = process.versions;
    context.output.fact({
      name: version,
      line: () => `armadactl ${version} (Node ${node})`,
      json: () => ({ version, node }),
    });
  });
}
