import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { addFileOption, demandUser, openUsersFile, save, type UsersFileOptions } from '../users-file.ts';

export function define(command: Command, context: CommandContext): void {
  addFileOption(command)
    .argument('<name>', 'of the user')
    .action(async (name: string, { file }: UsersFileOptions) => {
      const opened = await openUsersFile(file);
      demandUser(opened, name);
      opened.users.delete(name);
      save(opened);
      reportDeed(context, { action: 'deleted', kind: 'User', name, sentence: `Removed user ${name}` });
    });
}
