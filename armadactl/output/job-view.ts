import { JobState } from '@armada-ts/api/api/job';
import type { ListedJob } from '@armada-ts/client/job-list';
import { stateColour } from './paint.ts';
import { secondText } from './second-text.ts';
import type { View } from './view.ts';

/** What of a reason a line has room for; `describe job` shows all. */
const MAX_REASON_LENGTH = 100;

export const jobView: View<ListedJob> = {
  kind: 'Job',
  name: ({ jobId }) => jobId,
  json: (job, toJson) => toJson('armada.jobs.v1.ListedJob', job),
  preferred: 'table',
  columns: [
    { title: 'ID', cell: ({ jobId }) => jobId },
    {
      title: 'STATE',
      cell: ({ state }) => jobStateText(state),
      colour: ({ state }) => stateColour(jobStateText(state)),
    },
    { title: 'QUEUE', cell: ({ queue }) => queue, isElastic: true },
    { title: 'JOB SET', cell: ({ jobSet }) => jobSet, isElastic: true },
    { title: 'PRIORITY', cell: ({ priority }) => String(priority), dropRank: 3 },
    { title: 'SUBMITTED', cell: ({ submitted }) => secondText(submitted), dropRank: 5 },
    { title: 'CHANGED', cell: ({ lastChange }) => secondText(lastChange), dropRank: 2 },
    { title: 'CLUSTER', cell: ({ cluster }) => cluster || '-', isElastic: true, dropRank: 1 },
    { title: 'NODE', cell: ({ node }) => node || '-', isElastic: true, dropRank: 4 },
    { title: 'EXIT', cell: ({ exitCode }) => String(exitCode ?? '-') },
    { title: 'REASON', cell: ({ reason }) => cut(reason), isElastic: true },
  ],
};

/** As people name the state. */
export function jobStateText(state: JobState): string {
  const found = Object.entries(JobState).find(([, value]) => value === state);
  return found ? found[0].toLowerCase() : `state ${state}`;
}

function cut(reason: string): string {
  return reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH - 1)}…` : reason;
}
