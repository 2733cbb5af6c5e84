import { setTimeout as sleep } from 'node:timers/promises';
import { JobState } from '@armada-ts/api/api/job';
import { JobsService } from '@armada-ts/api/api/jobs';
import type { Connection } from '@armada-ts/client/connect';
import { ArmadaClientError } from '@armada-ts/client/errors';
import { watchJobSet } from '@armada-ts/client/events';
import type { CommandContext } from './command.ts';
import { reportDeed } from './deed.ts';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { noteInterruption } from './interruption.ts';
import {
  applyEvent,
  countsText,
  createProgress,
  isFinal,
  type JobSetProgress,
  setState,
  WATCHED_STATES,
  type WatchedState,
} from './job-set-progress.ts';
import { isOver, standing, waitExitCode } from './wait-goal.ts';
import type { WaitOptions } from './wait-options.ts';

/** Ids that servers take in one question. */
const MAX_IDS = 500;
const FIRST_INTERVAL_MS = 150;
const MAX_INTERVAL_MS = 2_000;

/** Waits for jobs by asking for their states, prints how each stands at the end, and gives the exit code. */
export async function waitForJobs(
  connection: Connection,
  jobIds: readonly string[],
  options: WaitOptions,
  context: CommandContext,
): Promise<number> {
  const progress = createProgress();
  const ids = [...new Set(jobIds)];
  const exitCode = await wait(progress, options, context, async (signal, isDone) => {
    let intervalMs = FIRST_INTERVAL_MS;
    for (;;) {
      await readStates(connection, ids, progress, signal);
      if (isDone()) return;
      await sleep(intervalMs, undefined, { signal });
      intervalMs = Math.min(intervalMs * 1.5, MAX_INTERVAL_MS);
    }
  });
  for (const [jobId, state] of progress.states) {
    const sentence = `Job ${jobId} ${stateVerb(state)}`;
    reportDeed(context, { action: state, kind: 'Job', name: jobId, sentence });
  }
  return exitCode;
}

function stateVerb(state: WatchedState): string {
  if (state === 'succeeded' || state === 'failed') return state;
  return `${isFinal(state) ? 'was' : 'is'} ${state}`;
}

/** Waits for the jobs of a job set by its events, and prints how many stand how at the end. */
export async function waitForJobSet(
  connection: Connection,
  { queue, jobSetId }: { queue: string; jobSetId: string },
  options: WaitOptions,
  context: CommandContext,
): Promise<number> {
  const progress = createProgress();
  const exitCode = await wait(progress, options, context, async (signal, isDone) => {
    const request = {
      queue,
      jobSetId,
      errorIfMissing: true,
      signal,
      onInterrupted: noteInterruption(context),
    };
    let fromMessageId = '';
    // To the present first: on the way there, the first jobs may seem to be all.
    for await (const { messageId, body } of watchJobSet(connection, { ...request, follow: false })) {
      fromMessageId = messageId;
      applyEvent(progress, body);
    }
    if (isDone()) return;
    for await (const { body } of watchJobSet(connection, { ...request, fromMessageId })) {
      applyEvent(progress, body);
      if (isDone()) return;
    }
  });
  reportDeed(context, {
    action: 'waited',
    kind: 'JobSet',
    name: jobSetId,
    sentence: `Job set ${jobSetId}: ${countsText(progress)}`,
    fields: { queue, jobs: Object.fromEntries(progress.counts) },
  });
  return exitCode;
}

/** Runs `watch` until it says that it is done, the time is up or somebody interrupts, with a bar meanwhile. */
async function wait(
  progress: JobSetProgress,
  options: WaitOptions,
  context: CommandContext,
  watch: (signal: AbortSignal, isDone: () => boolean) => Promise<void>,
): Promise<number> {
  const interrupted = new AbortController();
  const release = context.onInterrupt(() => interrupted.abort());
  const timeUp = new AbortController();
  const timer = options.timeout === undefined ? undefined : setTimeout(() => timeUp.abort(), options.timeout);
  const bar = context.output.progress(0);
  const isDone = () => {
    const now = standing(progress, options);
    bar.update(now.arrived + now.missed, countsText(progress), now.total);
    return isOver(now, options);
  };
  try {
    await watch(AbortSignal.any([interrupted.signal, timeUp.signal]), isDone);
    return waitExitCode(progress, options);
  } catch (error) {
    if (interrupted.signal.aborted) return ExitCode.interrupted;
    if (!timeUp.signal.aborted) throw error;
    context.output.notice(
      `gave up waiting after ${(options.timeout ?? 0) / 1000} s: ${countsText(progress)}`,
    );
    return ExitCode.timedOut;
  } finally {
    clearTimeout(timer);
    bar.end();
    release();
  }
}

/** Throws a failure that names a job which does not exist; a server that is away for a moment is asked again later. */
async function readStates(
  connection: Connection,
  ids: readonly string[],
  progress: JobSetProgress,
  signal: AbortSignal,
): Promise<void> {
  const open = ids.filter((id) => {
    const state = progress.states.get(id);
    return state === undefined || !isFinal(state);
  });
  for (let first = 0; first < open.length; first += MAX_IDS) {
    const jobIds = open.slice(first, first + MAX_IDS);
    const answer = await connection
      .call(JobsService.getJobStatus, { jobIds }, { signal })
      .catch((error: unknown) => {
        const isFirst = progress.states.size === 0;
        if (!isFirst && error instanceof ArmadaClientError && error.code === 'UNAVAILABLE') return undefined;
        throw error;
      });
    for (const [jobId, state] of answer?.jobStates ?? []) {
      const name = Object.entries(JobState)
        .find(([, value]) => value === state)?.[0]
        .toLowerCase();
      const known = WATCHED_STATES.find((candidate) => candidate === name);
      if (known !== undefined) setState(progress, jobId, known);
      else throw new Failure(ExitCode.notFound, `job ${jobId} does not exist, or you may not watch it`);
    }
  }
}
