/**
 * What is known of the jobs of one job set: one watch that all handles of its
 * jobs share. It runs while somebody listens, and goes on where it stopped when
 * the next one comes, so that waiting for one job after the other reads every
 * event once.
 *
 * The watch begins at the first event of the job set that is kept, so a job
 * that was not seen yet has no event yet. That stops to be true when ended jobs
 * are forgotten because there are too many; whoever asks for such a job gets a
 * view of its own, which begins anew.
 */
import type { Connection } from './connect.ts';
import { type ArmadaClientError, toClientError } from './errors.ts';
import { type JobSetEvent, watchJobSet } from './events.ts';
import { applyEvent, type JobProgress, newProgress } from './job-progress.ts';

/** Hears of one job. */
export interface JobListener {
  /** Told after the progress took the event in. */
  happened(event: JobSetEvent, progress: JobProgress): void;
  /** The watch cannot go on; nothing follows. */
  failed(error: ArmadaClientError): void;
}

export interface JobSetView {
  /** Undefined for a job without events so far. */
  progressOf(jobId: string): JobProgress | undefined;
  /** Hears of everything from now on, until the function that is given back is called. */
  listen(jobId: string, listener: JobListener): () => void;
}

export interface JobSetPlace {
  queue: string;
  jobSetId: string;
}

/** Some tens of MB at most. */
const MAX_KNOWN_JOBS = 100_000;
/** Views that nobody listens to are kept for whoever comes back. */
const MAX_VIEWS = 100;

interface KeptView extends JobSetView {
  /** Whether jobs that ended are no longer known. */
  hasForgotten(): boolean;
  isIdle(): boolean;
}

const views = new WeakMap<Connection, Map<string, KeptView>>();

/** The view in which a job can be followed from its first event. */
export function viewOf(connection: Connection, place: JobSetPlace, jobId: string): JobSetView {
  const kept = views.get(connection) ?? new Map<string, KeptView>();
  views.set(connection, kept);
  const key = JSON.stringify([place.queue, place.jobSetId]);
  const known = kept.get(key);
  if (known?.hasForgotten() && !known.progressOf(jobId)) return createView(connection, place);
  if (known) return known;
  if (kept.size >= MAX_VIEWS) {
    for (const [other, view] of kept) if (view.isIdle()) kept.delete(other);
  }
  const view = createView(connection, place);
  kept.set(key, view);
  return view;
}

/** @param maxKnownJobs how many ended jobs are remembered */
export function createView(
  connection: Connection,
  place: JobSetPlace,
  maxKnownJobs = MAX_KNOWN_JOBS,
): KeptView {
  const jobs = new Map<string, JobProgress>();
  const listeners = new Map<string, Set<JobListener>>();
  let messageId = '';
  let forgot = false;
  let reading: AbortController | undefined;

  const take = (event: JobSetEvent) => {
    messageId = event.messageId;
    const { jobId } = event.body.value;
    const progress = jobs.get(jobId) ?? newProgress();
    applyEvent(progress, event.body);
    jobs.set(jobId, progress);
    for (const listener of listeners.get(jobId) ?? []) listener.happened(event, progress);
    if (jobs.size > maxKnownJobs) forgot = forgetOne(jobs, listeners) || forgot;
  };
  const read = async (signal: AbortSignal) => {
    for (;;) {
      try {
        const options = { ...place, fromMessageId: messageId, signal };
        for await (const event of watchJobSet(connection, options)) {
          if (signal.aborted) return;
          take(event);
        }
        return;
      } catch (thrown) {
        if (signal.aborted) return;
        const error = toClientError(thrown);
        const isTooOld = error.code === 'OUT_OF_RANGE' && error.lastMessageId === undefined;
        if (!isTooOld || messageId === '') return endAll(error);
        // Nobody listened for so long that what came after is gone: begin anew.
        messageId = '';
        jobs.clear();
      }
    }
  };
  const endAll = (error: ArmadaClientError) => {
    reading = undefined;
    const all = [...listeners.values()].flatMap((some) => [...some]);
    listeners.clear();
    for (const listener of all) listener.failed(error);
  };
  const leave = (jobId: string, listener: JobListener) => {
    const some = listeners.get(jobId);
    some?.delete(listener);
    if (some?.size === 0) listeners.delete(jobId);
    if (listeners.size > 0) return;
    reading?.abort();
    reading = undefined;
  };
  return {
    progressOf: (jobId) => jobs.get(jobId),
    hasForgotten: () => forgot,
    isIdle: () => listeners.size === 0,
    listen(jobId, listener) {
      const some = listeners.get(jobId) ?? new Set();
      listeners.set(jobId, some.add(listener));
      if (!reading) {
        reading = new AbortController();
        void read(reading.signal);
      }
      return () => leave(jobId, listener);
    },
  };
}

/** Forgets the job that was seen first of those that ended and that nobody listens to. */
function forgetOne(jobs: Map<string, JobProgress>, listeners: ReadonlyMap<string, unknown>): boolean {
  for (const [jobId, progress] of jobs) {
    if (!progress.result || listeners.has(jobId)) continue;
    return jobs.delete(jobId);
  }
  return false;
}
