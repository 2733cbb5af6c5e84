import type { Command } from 'commander';
import { removeSigningKey } from '@armada-ts/client/keyring';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { addTokenFile, type OperatorOptions, withOperatorConnection } from '../operator-connection.ts';

export function define(command: Command, context: CommandContext): void {
  addTokenFile(command.argument('<key>', 'id of the signing key'))
    .option('--force', 'also while tokens are good that it has signed; these are refused then')
    .action(async (id: string, { force = false, ...options }: OperatorOptions & { force?: boolean }) => {
      await withOperatorConnection(context, options, (connection) =>
        removeSigningKey(connection, { id, force }),
      );
      reportDeed(context, {
        action: 'removed',
        kind: 'SigningKey',
        name: id,
        sentence: `Removed signing key ${id}`,
      });
    });
}
