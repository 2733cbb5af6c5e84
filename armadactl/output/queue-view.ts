import type { Queue } from '@armada-ts/api/api/queue';
import type { View } from './view.ts';

/** YAML for people too: it is the form that `create -f` and `apply -f` read back. */
export const queueView: View<Queue> = {
  kind: 'Queue',
  name: ({ name }) => name,
  json: (queue, toJson) => toJson('api.Queue', queue),
  preferred: 'yaml',
  columns: [
    { title: 'NAME', cell: ({ name }) => name },
    { title: 'FACTOR', cell: ({ priorityFactor }) => String(priorityFactor) },
    {
      title: 'CORDONED',
      cell: ({ cordoned }) => (cordoned ? 'yes' : 'no'),
      colour: ({ cordoned }) => (cordoned ? 'yellow' : undefined),
    },
    { title: 'SUBJECTS', cell: subjectsText, isElastic: true },
    {
      title: 'LABELS',
      cell: ({ labels }) => [...labels].map(([key, value]) => `${key}=${value}`).join(',') || '-',
      isElastic: true,
    },
  ],
};

function subjectsText({ permissions }: Queue): string {
  const names = permissions.flatMap(({ subjects }) => subjects.map(({ name }) => name));
  return [...new Set(names)].join(',') || '-';
}
