import type { Command } from 'commander';
import { listAccessKeys } from '@armada-ts/client/access-keys';
import type { CommandContext } from '../command.ts';
import { keyView } from '../output/key-view.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .option('--owner <user>', 'those of this user, for operators')
    .action(async ({ owner }: { owner?: string }) => {
      const keys = await listAccessKeys(await context.connection(), owner);
      if (keys.length === 0) context.output.notice('there are no access keys');
      await context.output.list(keyView, keys);
    });
}
