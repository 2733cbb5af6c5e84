import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { type ListedUser, userView } from '../output/user-view.ts';
import { addFileOption, openUsersFile, type UsersFileOptions } from '../users-file.ts';

export function define(command: Command, context: CommandContext): void {
  addFileOption(command).action(async ({ file }: UsersFileOptions) => {
    const { document } = await openUsersFile(file);
    const users: Record<string, { groups?: string[] }> = document.toJS();
    const listed = Object.entries(users).map(([name, { groups = [] }]): ListedUser => ({ name, groups }));
    if (listed.length === 0) context.output.notice(`there are no users in ${file}`);
    await context.output.list(userView, listed);
  });
}
