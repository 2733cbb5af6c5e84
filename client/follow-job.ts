/** How a handle follows its job through the view of the job set. */
import type { Connection } from './connect.ts';
import { type ArmadaClientError, cancelledByCaller, toClientError } from './errors.ts';
import { type JobSetEvent, watchJobSet } from './events.ts';
import { describeJob } from './job-list.ts';
import { isLastEvent, type JobProgress, type JobResult } from './job-progress.ts';
import { type JobSetPlace, type JobSetView, viewOf } from './job-set-view.ts';
import { type LogChunk, readNewLog } from './logs.ts';
import { pause } from './retry.ts';

interface FollowedJob extends JobSetPlace {
  jobId: string;
}

/** A job without any event for so long may not be there at all. */
const SUSPICIOUS_MS = 1_000;

/** Throws ArmadaClientError, NOT_FOUND also for a job that is not there. */
export async function jobResult(
  connection: Connection,
  job: FollowedJob,
  signal: AbortSignal | undefined,
): Promise<JobResult> {
  const view = viewOf(connection, job, job.jobId);
  const known = view.progressOf(job.jobId);
  if (known?.result) return known.result;
  const hasEnded = (progress: JobProgress) => progress.result !== undefined;
  const waiting = new AbortController();
  const both = signal ? AbortSignal.any([signal, waiting.signal]) : waiting.signal;
  try {
    const ended = reaches(view, job.jobId, hasEnded, both);
    const { result } = await Promise.race([ended, refusesMissing(connection, { job, view }, both)]);
    if (signal?.aborted || !result) throw cancelledByCaller();
    return result;
  } finally {
    waiting.abort();
  }
}

/** The questions about jobs that may not exist, one at a time: there may be as many as there are handles. */
const lastQuestions = new WeakMap<Connection, Promise<void>>();

/**
 * Nothing would ever tell of a job that does not exist. Never comes to an end
 * for a job that is there, nor where the server cannot tell.
 */
async function refusesMissing(
  connection: Connection,
  { job, view }: { job: FollowedJob; view: JobSetView },
  signal: AbortSignal,
): Promise<never> {
  const ask = async () => {
    if (signal.aborted || view.progressOf(job.jobId)) return;
    await describeJob(connection, job.jobId, { signal });
  };
  try {
    await pause(SUSPICIOUS_MS, signal);
    const asked = (lastQuestions.get(connection) ?? Promise.resolve()).then(ask);
    lastQuestions.set(
      connection,
      asked.catch(() => {}),
    );
    await asked;
  } catch (thrown) {
    const error = toClientError(thrown);
    if (error.code === 'NOT_FOUND') throw error;
  }
  return new Promise<never>(() => {});
}

/** Waits until the job's progress is as wanted. Throws what ends the watch, and CANCELLED. */
function reaches(
  view: JobSetView,
  jobId: string,
  isReached: (progress: JobProgress) => boolean,
  signal: AbortSignal | undefined,
): Promise<JobProgress> {
  return new Promise((resolve, reject) => {
    const now = view.progressOf(jobId);
    if (now && isReached(now)) return resolve(now);
    if (signal?.aborted) return reject(cancelledByCaller());
    const stop = () => {
      leave();
      signal?.removeEventListener('abort', cancel);
    };
    const cancel = () => {
      stop();
      reject(cancelledByCaller());
    };
    const leave = view.listen(jobId, {
      happened(_, progress) {
        if (!isReached(progress)) return;
        stop();
        resolve(progress);
      },
      failed(error) {
        stop();
        reject(error);
      },
    });
    signal?.addEventListener('abort', cancel, { once: true });
  });
}

/** What each run wrote, one run after the other. Throws as `readLog` does. */
export async function* jobLogs(
  connection: Connection,
  job: FollowedJob,
  options: { signal?: AbortSignal | undefined; container?: string },
): AsyncGenerator<LogChunk, void> {
  const { signal } = options;
  const view = viewOf(connection, job, job.jobId);
  let runsRead = 0;
  let lastRunId = '';
  for (;;) {
    const isMore = ({ runs, result }: JobProgress) => runs > runsRead || result !== undefined;
    const progress = await reaches(view, job.jobId, isMore, signal);
    if (progress.runs === runsRead) return;
    runsRead = progress.runs;
    const readBefore = lastRunId;
    for await (const chunk of readNewLog(connection, { ...options, jobId: job.jobId, follow: true })) {
      // The newest run may have been read before its event was here.
      if (chunk.runId === readBefore) break;
      lastRunId = chunk.runId;
      yield chunk;
    }
  }
}

/** The job's events from its first to its last. Throws ArmadaClientError. */
export async function* jobEvents(
  connection: Connection,
  job: FollowedJob,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobSetEvent, void> {
  const { queue, jobSetId, jobId } = job;
  const view = viewOf(connection, job, jobId);
  // The view keeps no events, so what it has seen is read once more.
  const events = view.progressOf(jobId)
    ? watchJobSet(connection, { queue, jobSetId, signal })
    : newEvents(view, jobId, signal);
  for await (const event of events) {
    if (event.body.value.jobId !== jobId) continue;
    yield event;
    if (isLastEvent(event.body)) return;
  }
}

/** What the view hears of a job from now on; a job has few events, so they wait in a list for a slow reader. */
async function* newEvents(
  view: JobSetView,
  jobId: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobSetEvent, void> {
  const waiting: JobSetEvent[] = [];
  let failure: ArmadaClientError | undefined;
  let wake = () => {};
  const cancel = () => {
    failure ??= cancelledByCaller();
    wake();
  };
  const leave = view.listen(jobId, {
    happened(event) {
      waiting.push(event);
      wake();
    },
    failed(error) {
      failure ??= error;
      wake();
    },
  });
  signal?.addEventListener('abort', cancel, { once: true });
  if (signal?.aborted) cancel();
  try {
    for (;;) {
      const woken = new Promise<void>((resolve) => (wake = resolve));
      yield* waiting.splice(0);
      if (failure) throw failure;
      if (waiting.length === 0) await woken;
    }
  } finally {
    signal?.removeEventListener('abort', cancel);
    leave();
  }
}
