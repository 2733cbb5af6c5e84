import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from '@armada-ts/client/connect';
import { ArmadaClientError } from '@armada-ts/client/errors';
import { watchJobSet } from '@armada-ts/client/events';
import { applyEvent, type JobResult, newProgress } from '@armada-ts/client/job-progress';
import { cancelJobs } from '@armada-ts/client/jobs';
import { readNewLog } from '@armada-ts/client/logs';
import type { CommandContext } from './command.ts';
import { ExitCode } from './exit-codes.ts';
import { noteInterruption } from './interruption.ts';
import { stateAfter } from './job-set-progress.ts';

export interface FollowedJob {
  queue: string;
  jobSetId: string;
  jobId: string;
}

/** The last output may still be on its way when the job's end is known. */
const LOG_GRACE_MS = 10_000;
/** A cancellation that was asked for should reach the server before the program leaves. */
const CANCEL_GRACE_MS = 1_000;
/** After this, somebody who waits should be told what for. */
const QUEUED_NOTICE_MS = 5_000;

/**
 * Shows what a job writes until it ends, and gives the exit code that stands
 * for its end: the job's own, where it ran to one. The first interrupt cancels
 * the job and waits for it, the second leaves at once.
 */
export async function followJob(
  connection: Connection,
  job: FollowedJob,
  context: CommandContext,
): Promise<number> {
  const leave = new AbortController();
  let interrupts = 0;
  let cancelling: Promise<unknown> = Promise.resolve();
  const release = context.onInterrupt(() => {
    interrupts += 1;
    if (interrupts > 1) return leave.abort();
    context.output.notice(`cancelling job ${job.jobId}; interrupt again to leave without waiting`);
    const request = { ...withIds(job), reason: 'interrupted' };
    cancelling = cancelJobs(connection, request).catch((error: unknown) => {
      context.output.notice(`the job could not be cancelled: ${reasonOf(error)}`);
    });
  });
  try {
    const exitCode = await followToEnd(connection, job, context, leave.signal);
    return interrupts > 0 && exitCode === ExitCode.cancelled ? ExitCode.interrupted : exitCode;
  } catch (error) {
    if (leave.signal.aborted && error instanceof ArmadaClientError) return ExitCode.interrupted;
    throw error;
  } finally {
    release();
    leave.abort();
    await Promise.race([cancelling, sleep(CANCEL_GRACE_MS, undefined, { ref: false })]);
  }
}

function withIds({ queue, jobSetId, jobId }: FollowedJob) {
  return { queue, jobSetId, jobIds: [jobId] };
}

async function followToEnd(
  connection: Connection,
  job: FollowedJob,
  context: CommandContext,
  signal: AbortSignal,
): Promise<number> {
  const { queue, jobSetId, jobId } = job;
  const logEnd = new AbortController();
  const printing = { connection, jobId, context, signal: AbortSignal.any([signal, logEnd.signal]) };
  const progress = newProgress();
  let printed: Promise<void> = Promise.resolve();
  const queuedNotice = setTimeout(() => {
    context.output.notice('the job is still queued: no node has room for it yet');
  }, QUEUED_NOTICE_MS);
  try {
    const watch = watchJobSet(connection, {
      queue,
      jobSetId,
      signal,
      onInterrupted: noteInterruption(context),
    });
    for await (const { body } of watch) {
      if (body.value.jobId !== jobId) continue;
      if (!['submitted', 'queued', undefined].includes(stateAfter(body))) clearTimeout(queuedNotice);
      if (body.$case === 'running') printed = printed.then(() => printRun(printing));
      applyEvent(progress, body);
      if (!progress.result) continue;
      await Promise.race([printed, sleep(LOG_GRACE_MS, undefined, { ref: false })]);
      return concludes(progress.result, context);
    }
    throw new ArmadaClientError('INTERNAL', 'the watch ended before the job did');
  } finally {
    clearTimeout(queuedNotice);
    logEnd.abort();
  }
}

/** Says how the job ended, unless its own output and exit code say it all. */
function concludes({ jobId, state, reason, exitCode }: JobResult, context: CommandContext): number {
  switch (state) {
    case 'succeeded':
      return ExitCode.ok;
    case 'cancelled':
    case 'preempted':
      context.output.notice(`job ${jobId} was ${state}${reason && `: ${reason}`}`);
      return ExitCode.cancelled;
    case 'failed':
    case 'rejected':
      context.output.notice(`job ${jobId} failed: ${reason || 'no reason was given'}`);
      return state === 'rejected' ? ExitCode.unschedulable : (exitCode ?? ExitCode.failed);
  }
}

interface Printing {
  connection: Connection;
  jobId: string;
  context: CommandContext;
  signal: AbortSignal;
}

/** Prints the newest run's output to its end. The job matters more than its log: failures are told and not thrown. */
async function printRun({ connection, jobId, context, signal }: Printing): Promise<void> {
  try {
    for await (const { data } of readNewLog(connection, { jobId, follow: true, signal })) {
      await context.output.bytes(data);
    }
  } catch (error) {
    if (!signal.aborted) context.output.notice(`the output cannot be shown: ${reasonOf(error)}`);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
