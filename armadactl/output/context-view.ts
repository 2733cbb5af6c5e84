import type { View } from './view.ts';

export interface ContextEntry {
  name: string;
  address: string;
  isCurrent: boolean;
}

export const contextView: View<ContextEntry> = {
  kind: 'Context',
  name: ({ name }) => name,
  json: ({ name, address, isCurrent }) => ({ name, address, isCurrent }),
  preferred: 'table',
  columns: [
    { title: 'CURRENT', cell: ({ isCurrent }) => (isCurrent ? '*' : '') },
    { title: 'NAME', cell: ({ name }) => name },
    { title: 'ADDRESS', cell: ({ address }) => address, isElastic: true },
  ],
};
