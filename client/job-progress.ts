import type { ContainerStatus, JobFailedEvent } from '@armada-ts/api/api/event';
import { Cause } from '@armada-ts/api/api/job';
import type { Timestamp } from '@armada-ts/api/google/protobuf/timestamp';
import type { JobSetEventBody } from './events.ts';

/** How a job ended. */
export interface JobResult {
  jobId: string;
  /** `rejected`: it could never run anywhere. */
  state: 'succeeded' | 'failed' | 'cancelled' | 'preempted' | 'rejected';
  /** 0 for a job that succeeded, else that of the first container that failed; undefined when none ended by itself. */
  exitCode: number | undefined;
  /** Why it ended so, for people; may be empty. */
  reason: string;
  /** The containers of a failed run that had ended. */
  containers: readonly ContainerStatus[];
  /** The last run; undefined for a job that never ran. */
  run: JobRun | undefined;
  submittedAt: Date | undefined;
  endedAt: Date | undefined;
}

/** An attempt to run a job, once its containers ran. */
export interface JobRun {
  /** Name of the executor. */
  cluster: string;
  node: string;
  podName: string;
  startedAt: Date | undefined;
}

/** What the events of a job told so far. */
export interface JobProgress {
  submittedAt: Date | undefined;
  /** How many runs have started. */
  runs: number;
  run: JobRun | undefined;
  result: JobResult | undefined;
}

export function newProgress(): JobProgress {
  return { submittedAt: undefined, runs: 0, run: undefined, result: undefined };
}

/** Takes an event into account. The first end of a job stays: `failed` follows `preempted`. */
export function applyEvent(progress: JobProgress, body: JobSetEventBody): void {
  if (progress.result) return;
  switch (body.$case) {
    case 'submitted':
      progress.submittedAt = dateOf(body.value.created);
      break;
    case 'running': {
      const { clusterId, nodeName, podName, created } = body.value;
      progress.runs += 1;
      progress.run = { cluster: clusterId, node: nodeName, podName, startedAt: dateOf(created) };
      break;
    }
    case 'succeeded':
      progress.result = { ...end(progress, body.value), state: 'succeeded', exitCode: 0 };
      break;
    case 'cancelled':
    case 'preempted':
      progress.result = { ...end(progress, body.value), state: body.$case, reason: body.value.reason };
      break;
    case 'failed':
      if (!body.value.retryable) progress.result = { ...end(progress, body.value), ...failure(body.value) };
      break;
    default:
  }
}

/** Whether no event of the job can follow. */
export function isLastEvent(body: JobSetEventBody): boolean {
  if (body.$case === 'failed') return !body.value.retryable;
  return body.$case === 'succeeded' || body.$case === 'cancelled';
}

function end(progress: JobProgress, { jobId, created }: { jobId: string; created: Timestamp | undefined }) {
  const { run, submittedAt } = progress;
  return {
    jobId,
    exitCode: undefined,
    reason: '',
    containers: [],
    run,
    submittedAt,
    endedAt: dateOf(created),
  };
}

function failure(event: JobFailedEvent): Pick<JobResult, 'state' | 'exitCode' | 'reason' | 'containers'> {
  const codes = [...event.containerStatuses.map(({ exitCode }) => exitCode), ...event.exitCodes.values()];
  return {
    state: event.cause === Cause.Rejected ? 'rejected' : 'failed',
    exitCode: codes.find((code) => code !== 0),
    reason: event.reason,
    containers: event.containerStatuses,
  };
}

function dateOf(timestamp: Timestamp | undefined): Date | undefined {
  return timestamp && new Date(Number(timestamp.seconds) * 1000 + timestamp.nanos / 1e6);
}
