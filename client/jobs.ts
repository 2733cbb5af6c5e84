import type { JobState } from '@armada-ts/api/api/job';
import { SubmitService } from '@armada-ts/api/api/submit';
import type { CallOptions, Connection } from './connect.ts';
import { callRepeatedly } from './retry.ts';

/** Jobs by id. Queue and job set only narrow the choice: a job id alone is enough for our server, Armada's wants all three. */
export interface JobSelection {
  jobIds: readonly string[];
  queue?: string;
  jobSetId?: string;
}

export interface JobSetSelection {
  queue: string;
  jobSetId: string;
}

/** Asks for jobs to be cancelled; their end shows in the event stream. Gives the ids that the server took up. */
export async function cancelJobs(
  connection: Connection,
  selection: JobSelection & { reason?: string },
  options?: CallOptions,
): Promise<string[]> {
  const request = {
    jobId: '',
    jobIds: [...selection.jobIds],
    queue: selection.queue ?? '',
    jobSetId: selection.jobSetId ?? '',
    reason: selection.reason ?? '',
  };
  const result = await callRepeatedly(connection, SubmitService.cancelJobs, request, options);
  return result.cancelledIds;
}

/** Asks for a whole job set to be cancelled, or only its jobs in the given states. */
export async function cancelJobSet(
  connection: Connection,
  selection: JobSetSelection & { states?: readonly JobState[]; reason?: string },
  options?: CallOptions,
): Promise<void> {
  const { queue, jobSetId, states = [], reason = '' } = selection;
  const filter = states.length === 0 ? undefined : { states: [...states] };
  await callRepeatedly(connection, SubmitService.cancelJobSet, { queue, jobSetId, filter, reason }, options);
}

/**
 * Asks for the runs of jobs to be preempted, which ends the jobs; only those of
 * a preemptible priority class can be. Gives the reason of each job that cannot.
 */
export async function preemptJobs(
  connection: Connection,
  selection: JobSetSelection & { jobIds: readonly string[]; reason?: string },
  options?: CallOptions,
): Promise<Map<string, string>> {
  const { queue, jobSetId, jobIds, reason = '' } = selection;
  const request = { queue, jobSetId, jobIds: [...jobIds], reason };
  const answer = await connection.call(SubmitService.preemptJobs, request, options);
  return refusedOf(answer.preemptionResults);
}

/** Moves jobs within their queue: lower numbers go first. Gives the reason of each job that could not be moved. */
export async function reprioritizeJobs(
  connection: Connection,
  selection: JobSelection & { priority: number },
  options?: CallOptions,
): Promise<Map<string, string>> {
  const request = {
    jobIds: [...selection.jobIds],
    queue: selection.queue ?? '',
    jobSetId: selection.jobSetId ?? '',
    newPriority: selection.priority,
  };
  return reprioritize(connection, request, options);
}

/** Moves all jobs of a job set that have not ended. */
export async function reprioritizeJobSet(
  connection: Connection,
  selection: JobSetSelection & { priority: number },
  options?: CallOptions,
): Promise<Map<string, string>> {
  const { queue, jobSetId, priority } = selection;
  return reprioritize(connection, { jobIds: [], queue, jobSetId, newPriority: priority }, options);
}

async function reprioritize(
  connection: Connection,
  request: Parameters<typeof SubmitService.reprioritizeJobs.requestSerialize>[0],
  options: CallOptions | undefined,
): Promise<Map<string, string>> {
  const answer = await callRepeatedly(connection, SubmitService.reprioritizeJobs, request, options);
  return refusedOf(answer.reprioritizationResults);
}

/** Jobs that the request was not accepted for, with the reason; the others have an empty one. */
function refusedOf(results: ReadonlyMap<string, string>): Map<string, string> {
  return new Map([...results].filter(([, reason]) => reason !== ''));
}
