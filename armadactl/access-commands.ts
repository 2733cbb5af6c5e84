import type { CommandEntry } from './command-table.ts';

/** Commands about who is let in. */
export const accessCommands: readonly CommandEntry[] = [
  {
    words: ['whoami'],
    summary: 'Show who you are to the server, and what you may do',
    load: () => import('./commands/whoami.ts'),
  },
  {
    words: ['login'],
    summary: 'Log in to the provider that the context names',
    load: () => import('./commands/login.ts'),
  },
  {
    words: ['logout'],
    summary: 'Forget who logged in, and have the provider take the tokens back',
    load: () => import('./commands/logout.ts'),
  },
  {
    words: ['key'],
    summary: 'Make, list and revoke access keys, for programs',
  },
  {
    words: ['key', 'create'],
    summary: 'Make an access key; its secret is shown once',
    load: () => import('./commands/key-create.ts'),
  },
  {
    words: ['key', 'list'],
    summary: 'List your access keys',
    load: () => import('./commands/key-list.ts'),
  },
  {
    words: ['key', 'token'],
    summary: 'Exchange an access key for a token',
    load: () => import('./commands/key-token.ts'),
  },
  {
    words: ['key', 'disable'],
    summary: 'Take an access key out of use, with its tokens',
    load: () => import('./commands/key-disable.ts'),
  },
  {
    words: ['key', 'enable'],
    summary: 'Take an access key back into use',
    load: () => import('./commands/key-enable.ts'),
  },
  {
    words: ['key', 'delete'],
    summary: 'Delete an access key, and end its tokens',
    load: () => import('./commands/key-delete.ts'),
  },
  {
    words: ['user'],
    summary: "Change the server's file of users with passwords",
  },
  {
    words: ['user', 'add'],
    summary: 'Add a user with a password',
    load: () => import('./commands/user-add.ts'),
  },
  {
    words: ['user', 'passwd'],
    summary: 'Change the password of a user',
    load: () => import('./commands/user-passwd.ts'),
  },
  {
    words: ['user', 'remove'],
    summary: 'Remove a user',
    load: () => import('./commands/user-remove.ts'),
  },
  {
    words: ['user', 'list'],
    summary: 'List the users of the file',
    load: () => import('./commands/user-list.ts'),
  },
  {
    words: ['keyring'],
    summary: 'Change what tokens are signed with, by the operator port',
  },
  {
    words: ['keyring', 'list'],
    summary: 'List signing keys, and how many servers have each',
    load: () => import('./commands/keyring-list.ts'),
  },
  {
    words: ['keyring', 'install'],
    summary: 'Add a signing key',
    load: () => import('./commands/keyring-install.ts'),
  },
  {
    words: ['keyring', 'use'],
    summary: 'Make a signing key the primary one',
    load: () => import('./commands/keyring-use.ts'),
  },
  {
    words: ['keyring', 'remove'],
    summary: 'Remove a signing key',
    load: () => import('./commands/keyring-remove.ts'),
  },
];
