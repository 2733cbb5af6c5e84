import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import {
  addFileOption,
  addPasswordOption,
  demandUser,
  givenHash,
  openUsersFile,
  type PasswordOptions,
  save,
  type UsersFileOptions,
} from '../users-file.ts';

export function define(command: Command, context: CommandContext): void {
  addPasswordOption(addFileOption(command))
    .argument('<name>', 'of the user')
    .action(async (name: string, { file, ...given }: UsersFileOptions & PasswordOptions) => {
      const opened = await openUsersFile(file);
      demandUser(opened, name);
      opened.document.setIn([name, 'password'], await givenHash(given, context));
      save(opened);
      reportDeed(context, {
        action: 'updated',
        kind: 'User',
        name,
        sentence: `Changed the password of ${name}`,
      });
    });
}
