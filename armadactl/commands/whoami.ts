import type { Command } from 'commander';
import { getIdentity, type GetIdentityResponse } from '@armada-ts/client/identity';
import type { CommandContext } from '../command.ts';
import { addTokenFile, type OperatorOptions, withOperatorConnection } from '../operator-connection.ts';
import { oneLine } from '../output/one-line.ts';
import { secondText } from '../output/second-text.ts';

export function define(command: Command, context: CommandContext): void {
  addTokenFile(command).action(async (options: OperatorOptions) => {
    const identity = await withOperatorConnection(context, options, getIdentity);
    context.output.fact({
      name: identity.name,
      line: () => linesOf(identity).map(oneLine).join('\n'),
      json: (toJson) => toJson('armada.auth.v1.GetIdentityResponse', identity),
    });
  });
}

function linesOf(identity: GetIdentityResponse): string[] {
  const { name, groups, scopes, scheme, roles, permissions, expires, acceptedSchemes } = identity;
  const until = expires === undefined ? '' : `, until ${secondText(expires)}`;
  const lists = { groups, scopes, roles, permissions };
  return [
    name,
    `let in by ${scheme}${until}; the server takes ${acceptedSchemes.join(', ')}`,
    ...Object.entries(lists).map(
      ([title, values]) => `${title.padEnd(12)} ${values.length === 0 ? '-' : values.join(', ')}`,
    ),
  ];
}
