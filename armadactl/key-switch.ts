import type { Command } from 'commander';
import { setAccessKeyDisabled } from '@armada-ts/client/access-keys';
import type { CommandContext } from './command.ts';
import { reportDeed } from './deed.ts';

/** Taking a key out of use and back into use differ in a word. */
export function defineKeySwitch(command: Command, context: CommandContext, disabled: boolean): void {
  command.argument('<key>', 'the access key').action(async (id: string) => {
    await setAccessKeyDisabled(await context.connection(), { id, disabled });
    const action = disabled ? 'disabled' : 'enabled';
    const sentence = disabled ? `Disabled access key ${id}, and its tokens` : `Enabled access key ${id}`;
    reportDeed(context, { action, kind: 'AccessKey', name: id, sentence });
  });
}
