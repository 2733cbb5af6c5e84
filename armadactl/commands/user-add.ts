import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { usageFailure } from '../failure.ts';
import {
  addFileOption,
  addPasswordOption,
  givenHash,
  openUsersFile,
  type PasswordOptions,
  save,
  type UsersFileOptions,
} from '../users-file.ts';

interface Options extends UsersFileOptions, PasswordOptions {
  group: string[];
}

export function define(command: Command, context: CommandContext): void {
  addPasswordOption(addFileOption(command))
    .argument('<name>', 'of the user')
    .option(
      '--group <group>',
      'a group of the user; may be repeated',
      (one, all: string[]) => [...all, one],
      [],
    )
    .action(async (name: string, { file, group: groups, ...given }: Options) => {
      if (!/^[^:\p{Cc}]+$/u.test(name)) {
        throw usageFailure("a user's name has no ':' and no control characters");
      }
      const opened = await openUsersFile(file);
      if (opened.users.has(name))
        throw usageFailure(`there is a user ${JSON.stringify(name)} in ${file} already`);
      const user = { password: await givenHash(given, context), groups };
      opened.users.set(name, opened.document.createNode(user));
      save(opened);
      reportDeed(context, { action: 'created', kind: 'User', name, sentence: `Added user ${name}` });
    });
}
