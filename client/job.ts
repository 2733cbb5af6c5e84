import { randomUUID } from 'node:crypto';
import type { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import type { CallOptions, Connection } from './connect.ts';
import { ArmadaClientError } from './errors.ts';
import type { JobSetEvent } from './events.ts';
import { jobEvents, jobLogs, jobResult } from './follow-job.ts';
import { type DescribeJobResponse, describeJob } from './job-list.ts';
import type { JobResult } from './job-progress.ts';
import { type CommandJob, commandJob } from './job-spec.ts';
import { cancelJobs } from './jobs.ts';
import type { LogChunk } from './logs.ts';
import { type SubmitOptions, submitJobs } from './submit.ts';

/** Where a job is to be found. */
export interface JobPlace {
  queue: string;
  jobSetId: string;
  jobId: string;
}

/** What waiting for a job takes. */
export interface FollowOptions {
  signal?: AbortSignal | undefined;
}

export interface ResultOptions extends FollowOptions {
  /** Throw JobFailedError for every end but success. */
  mustSucceed?: boolean;
}

/** A job, wherever it is in its life. Handles of one job set share one watch; they hold nothing while they are not used. */
export interface JobHandle {
  readonly id: string;
  readonly queue: string;
  readonly jobSetId: string;
  /**
   * Waits for the job's end. A job that fails is a result, not an error, unless
   * it must succeed; errors are about the watch, which is resumed by itself as
   * long as that can be.
   */
  result(options?: ResultOptions): Promise<JobResult>;
  /** Asks for the job to be cancelled; `result` tells when and whether it was. */
  cancel(options?: CallOptions & { reason?: string }): Promise<void>;
  /** What its runs write, from the first byte to the job's end, waiting where there is nothing yet. */
  logs(options?: FollowOptions & { container?: string }): AsyncGenerator<LogChunk, void>;
  /** All of that as one text. */
  output(options?: FollowOptions & { container?: string }): Promise<string>;
  /** Its events, from the first to the last. */
  events(options?: FollowOptions): AsyncGenerator<JobSetEvent, void>;
  /** All that the server knows of it now. */
  describe(options?: CallOptions): Promise<DescribeJobResponse>;
}

/** A job did not succeed that had to. */
export class JobFailedError extends Error {
  readonly result: JobResult;

  constructor(result: JobResult) {
    const code = result.exitCode === undefined ? '' : ` with exit code ${result.exitCode}`;
    super(`job ${result.jobId} ${ENDED[result.state]}${code}${result.reason && `: ${result.reason}`}`);
    this.name = 'JobFailedError';
    this.result = result;
  }
}

const ENDED: Readonly<Record<JobResult['state'], string>> = {
  succeeded: 'succeeded',
  failed: 'failed',
  cancelled: 'was cancelled',
  preempted: 'was preempted',
  rejected: 'was rejected',
};

/** A job to submit by itself: a command, or an item as `commandJob` and `jobFromJson` make them. */
export type NewJob = (CommandJob | { item: JobSubmitRequestItem }) & {
  queue: string;
  /** Default: a job set of its own. */
  jobSetId?: string;
  /** Under which the job is made once, however often it is submitted. Default: one of its own, so that every call makes a job. */
  clientId?: string;
};

/** Submits one job. Throws ArmadaClientError. */
export async function submitJob(
  connection: Connection,
  job: NewJob,
  options: Pick<SubmitOptions, 'signal' | 'timeoutMs' | 'retryForMs'> = {},
): Promise<JobHandle> {
  const { queue, jobSetId = `run-${randomUUID().slice(0, 8)}` } = job;
  const item = 'item' in job ? job.item : commandJob(job);
  const items = [job.clientId === undefined ? item : { ...item, clientId: job.clientId }];
  for await (const submitted of submitJobs(
    connection,
    { queue, jobSetId, items },
    { ...options, clientIds: 'random' },
  )) {
    if (submitted.refusal) throw submitted.refusal;
    return jobHandle(connection, { queue, jobSetId, jobId: submitted.jobId });
  }
  throw new ArmadaClientError('INTERNAL', 'the server did not say which job it made');
}

/** The handle of a job that was submitted before, here or anywhere. */
export function jobHandle(connection: Connection, place: JobPlace): JobHandle {
  const { jobId, queue, jobSetId } = place;
  const logs: JobHandle['logs'] = (options = {}) => jobLogs(connection, place, options);
  return {
    id: jobId,
    queue,
    jobSetId,
    async result({ signal, mustSucceed } = {}) {
      const result = await jobResult(connection, place, signal);
      if (mustSucceed && result.state !== 'succeeded') throw new JobFailedError(result);
      return result;
    },
    async cancel({ reason = '', ...options } = {}) {
      await cancelJobs(connection, { queue, jobSetId, jobIds: [jobId], reason }, options);
    },
    logs,
    async output(options) {
      const decoder = new TextDecoder();
      let text = '';
      for await (const { data } of logs(options)) text += decoder.decode(data, { stream: true });
      return text + decoder.decode();
    },
    events: ({ signal } = {}) => jobEvents(connection, place, signal),
    describe: (options) => describeJob(connection, jobId, options),
  };
}
