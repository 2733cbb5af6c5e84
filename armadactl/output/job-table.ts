import { JobState } from '@armada-ts/api/api/job';
import type { ListedJob } from '@armada-ts/client/job-list';
import { oneLine } from './one-line.ts';
import { secondText } from './second-text.ts';

/** What of a reason a line has room for; `describe job` shows all. */
const MAX_REASON_LENGTH = 100;

type Column = readonly [title: string, cell: (job: ListedJob) => string];

const COLUMNS: readonly Column[] = [
  ['ID', ({ jobId }) => jobId],
  ['STATE', ({ state }) => jobStateText(state)],
  ['QUEUE', ({ queue }) => queue],
  ['JOB SET', ({ jobSet }) => jobSet],
  ['PRIORITY', ({ priority }) => String(priority)],
  ['SUBMITTED', ({ submitted }) => secondText(submitted)],
  ['CHANGED', ({ lastChange }) => secondText(lastChange)],
  ['CLUSTER', ({ cluster }) => cluster || '-'],
  ['NODE', ({ node }) => node || '-'],
  ['EXIT', ({ exitCode }) => String(exitCode ?? '-')],
  ['REASON', ({ reason }) => cut(reason)],
];

/** A line for the titles and one for each job, in columns. */
export function* jobTable(jobs: readonly ListedJob[]): Generator<string> {
  const widths = COLUMNS.map(([title, cell]) =>
    jobs.reduce((width, job) => Math.max(width, oneLine(cell(job)).length), title.length),
  );
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  yield line(COLUMNS.map(([title]) => title));
  for (const job of jobs) yield line(COLUMNS.map(([, cell]) => oneLine(cell(job))));
}

/** As people name the state. */
export function jobStateText(state: JobState): string {
  const found = Object.entries(JobState).find(([, value]) => value === state);
  return found ? found[0].toLowerCase() : `state ${state}`;
}

function cut(reason: string): string {
  return reason.length > MAX_REASON_LENGTH ? `${reason.slice(0, MAX_REASON_LENGTH - 1)}…` : reason;
}
