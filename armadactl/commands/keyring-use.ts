import type { Command } from 'commander';
import { useSigningKey } from '@armada-ts/client/keyring';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { addTokenFile, type OperatorOptions, withOperatorConnection } from '../operator-connection.ts';

export function define(command: Command, context: CommandContext): void {
  addTokenFile(command.argument('<key>', 'id of the signing key')).action(
    async (id: string, options: OperatorOptions) => {
      await withOperatorConnection(context, options, (connection) => useSigningKey(connection, id));
      const sentence = `Signing key ${id} is the primary one`;
      reportDeed(context, { action: 'used', kind: 'SigningKey', name: id, sentence });
    },
  );
}
