// Sorts the events of a history by job.
import { type Entry, type EventEntry, FINAL_READER } from './history.ts';

/** Events after which nothing may happen to a job. */
export const TERMINAL: ReadonlySet<string> = new Set(['succeeded', 'failed', 'cancelled', 'preempted']);

export interface JobHistory {
  /** In the order of the whole read at the end. */
  events: EventEntry[];
  /** By which it was submitted, as far as anybody knows. */
  clientId: string | undefined;
  /** The first terminal event. */
  end: string | undefined;
  /** Whether an executor has it, by the last that was told. */
  isLeased: boolean;
}

/** What each job went through, by the whole read at the end; by job id. */
export function jobHistories(entries: readonly Entry[]): Map<string, JobHistory> {
  const clientIds = new Map<string, string>();
  for (const entry of entries) {
    if (entry.kind === 'submit' && entry.jobId !== undefined) clientIds.set(entry.jobId, entry.clientId);
  }
  const jobs = new Map<string, JobHistory>();
  for (const entry of entries) {
    if (entry.kind !== 'event' || entry.reader !== FINAL_READER) continue;
    const { jobId, event } = entry;
    const job = jobs.get(jobId) ?? {
      events: [],
      clientId: entry.clientId ?? clientIds.get(jobId),
      end: undefined,
      isLeased: false,
    };
    jobs.set(jobId, job);
    job.events.push(entry);
    if (TERMINAL.has(event)) job.end ??= event;
    if (event === 'leased') job.isLeased = true;
    if (event === 'leaseReturned' || event === 'leaseExpired' || event === 'queued') job.isLeased = false;
  }
  return jobs;
}
