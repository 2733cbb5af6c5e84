import type { Command } from 'commander';
import { getKeyring } from '@armada-ts/client/keyring';
import type { CommandContext } from '../command.ts';
import { addTokenFile, type OperatorOptions, withOperatorConnection } from '../operator-connection.ts';
import { signingKeyView } from '../output/signing-key-view.ts';

export function define(command: Command, context: CommandContext): void {
  addTokenFile(command).action(async (options: OperatorOptions) => {
    const { keys, servers, unreached } = await withOperatorConnection(context, options, getKeyring);
    await context.output.list(signingKeyView(servers), keys);
    if (unreached.length > 0) context.output.notice(`no answer from ${unreached.join(', ')}`);
  });
}
