import type { View } from './view.ts';

export interface ListedUser {
  name: string;
  groups: string[];
}

export const userView: View<ListedUser> = {
  kind: 'User',
  name: ({ name }) => name,
  json: ({ name, groups }) => ({ name, groups }),
  preferred: 'table',
  columns: [
    { title: 'USER', cell: ({ name }) => name },
    { title: 'GROUPS', cell: ({ groups }) => groups.join(', ') || '-', isElastic: true },
  ],
};
