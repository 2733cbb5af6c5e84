import type { Command } from 'commander';
import { createAccessKey } from '@armada-ts/client/access-keys';
import type { CommandContext } from '../command.ts';
import { oneLine } from '../output/one-line.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('[description]', 'what it is for').action(async (description = '') => {
    const { key, secret } = await createAccessKey(await context.connection(), description);
    const id = key?.id ?? '';
    // It must get through whoever reads: there is no second time.
    context.outliveReader();
    context.output.fact({
      name: id,
      line: () => [`access key ${oneLine(id)}`, `secret     ${oneLine(secret)}`].join('\n'),
      json: () => ({ action: 'created', kind: 'AccessKey', name: id, accessKey: id, secret }),
    });
    context.output.notice('keep the secret: it is not shown again');
  });
}
