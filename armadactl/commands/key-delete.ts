import type { Command } from 'commander';
import { deleteAccessKey } from '@armada-ts/client/access-keys';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('<key>', 'the access key').action(async (id: string) => {
    await deleteAccessKey(await context.connection(), id);
    const sentence = `Deleted access key ${id}, and ended its tokens`;
    reportDeed(context, { action: 'deleted', kind: 'AccessKey', name: id, sentence });
  });
}
