import type { JobSetInfo, PriorityClassResourceLimits, Queue } from '@armada-ts/api/api/queue';
import { jobSetView } from './job-set-view.ts';
import { oneLine } from './one-line.ts';
import type { Paint } from './paint.ts';
import { queueView } from './queue-view.ts';
import { tableLines } from './table.ts';
import type { Column, View } from './view.ts';

/** A queue with what is going on in it. */
export interface QueueDescription {
  queue: Queue;
  jobSets: readonly JobSetInfo[];
}

export const queueDescriptionView: View<QueueDescription> = {
  kind: 'QueueDescription',
  name: ({ queue }) => queue.name,
  json: ({ queue, jobSets }, toJson) => ({
    queue: queueView.json(queue, toJson),
    activeJobSets: jobSets.map((jobSet) => jobSetView.json(jobSet, toJson)),
  }),
  preferred: 'text',
  lines: queueLines,
  columns: [
    ...queueView.columns.map(
      ({ title, cell }): Column<QueueDescription> => ({ title, cell: ({ queue }) => cell(queue) }),
    ),
    { title: 'QUEUED', cell: ({ jobSets }) => String(sum(jobSets, 'queuedJobs')) },
    { title: 'LEASED', cell: ({ jobSets }) => String(sum(jobSets, 'leasedJobs')) },
  ],
};

const NAME_WIDTH = 17;

function queueLines({ queue, jobSets }: QueueDescription, paint: Paint): string[] {
  const cordoned = queue.cordoned ? paint('yes', 'yellow') : 'no';
  return [
    line('Queue', queue.name),
    line('Priority factor', String(queue.priorityFactor)),
    `${'Cordoned:'.padEnd(NAME_WIDTH)}${cordoned}`,
    ...[...queue.labels].map(([key, value]) => line('Label', `${key}=${value}`)),
    ...queue.permissions.map(({ subjects, verbs }) =>
      line('May', `${subjects.map(({ kind, name }) => `${kind} ${name}`).join(', ')}: ${verbs.join(', ')}`),
    ),
    ...[...queue.resourceLimitsByPriorityClassName].flatMap(([name, limits]) => limitLines(name, limits)),
    line(
      'Jobs',
      `${sum(jobSets, 'queuedJobs')} queued, ${sum(jobSets, 'leasedJobs')} leased, pending or running`,
    ),
    ...(jobSets.length === 0 ? [] : ['Job sets with jobs to do:']),
    ...(jobSets.length === 0
      ? []
      : [...tableLines(jobSetView.columns, jobSets, { headers: true, paint, width: undefined })].map(
          (text) => `  ${text}`,
        )),
  ];
}

function limitLines(name: string, limits: PriorityClassResourceLimits): string[] {
  const text = (fractions: ReadonlyMap<string, number>) =>
    [...fractions].map(([resource, fraction]) => `${resource} ${fraction}`).join(', ');
  return [
    ...(limits.maximumResourceFraction.size === 0
      ? []
      : [line('Limit', `${name}: ${text(limits.maximumResourceFraction)}`)]),
    ...[...limits.maximumResourceFractionByPool].map(([pool, each]) =>
      line('Limit', `${name} in pool ${pool}: ${text(each.maximumResourceFraction)}`),
    ),
  ];
}

function line(name: string, value: string): string {
  return `${`${name}:`.padEnd(NAME_WIDTH)}${oneLine(value)}`;
}

function sum(jobSets: readonly JobSetInfo[], field: 'queuedJobs' | 'leasedJobs'): number {
  return jobSets.reduce((total, jobSet) => total + jobSet[field], 0);
}
