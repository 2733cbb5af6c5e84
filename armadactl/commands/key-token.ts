import type { Command } from 'commander';
import { exchangeAccessKey } from '@armada-ts/client/access-keys';
import { secondText } from '../output/second-text.ts';
import type { CommandContext } from '../command.ts';
import { readSecret } from '../secret-input.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<key>', 'the access key')
    .option('--secret-file <file>', 'file with its secret', '-')
    .action(async (accessKey: string, { secretFile }: { secretFile: string }) => {
      const secret = await readSecret({ file: secretFile, what: 'secret' }, context);
      const pair = { accessKey, secret: secret.trim() };
      const { token, expires } = await exchangeAccessKey(await context.connection(), pair);
      context.output.fact({
        name: token,
        line: () => token,
        json: () => ({ token, expires: secondText(expires) }),
      });
    });
}
