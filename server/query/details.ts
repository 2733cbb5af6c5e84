/** Records of jobs and of their runs, as api.Jobs shows them. */
import type {
  JobDetails,
  JobDetailsRequest,
  JobDetailsResponse,
  JobRunDetails,
  JobRunDetailsResponse,
} from '@armada-ts/api/api/jobs';
import { JobState } from '@armada-ts/api/api/job';
import type { Job } from '@armada-ts/api/api/job';
import type { JobRecord, RunRecord } from '@armada-ts/api/armada/store/v1/store';
import type { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import type { Timestamp } from '@armada-ts/api/google/protobuf/timestamp';
import type { Principal } from '../auth/principal.ts';
import { timestampOf } from '../model/instant.ts';
import { lastRun } from '../model/job.ts';
import { publicJob } from '../model/public-job.ts';
import { checkIds, type QueryDeps, watchableRecords } from './access.ts';

/** Unknown jobs have no entry. Throws INVALID_REQUEST for too many ids. */
export async function jobDetails(
  deps: QueryDeps,
  principal: Principal,
  { jobIds, expandJobSpec, expandJobRun }: JobDetailsRequest,
): Promise<JobDetailsResponse> {
  checkIds('job_ids', jobIds);
  const records = await watchableRecords(deps, principal, await deps.store.read.jobs(jobIds));
  const known = records.map(({ jobId }) => jobId);
  const specs = expandJobSpec ? await deps.store.read.specs(known) : new Map<string, SubmitJob>();
  const details = records.map((record) => {
    const jobRuns = expandJobRun ? runsOf(record).map((run) => runDetails(record, run)) : [];
    const whole = { ...detailsOf(record), jobSpec: specOf(record, specs), jobRuns };
    return [record.jobId, whole] as const;
  });
  return { jobDetails: new Map(details) };
}

/** Unknown runs have no entry. Throws INVALID_REQUEST for too many ids. */
export async function jobRunDetails(
  deps: QueryDeps,
  principal: Principal,
  runIds: readonly string[],
): Promise<JobRunDetailsResponse> {
  checkIds('run_ids', runIds);
  const jobs = await deps.store.read.jobsOfRuns(runIds);
  const wanted = new Set(runIds);
  const found = new Map<string, JobRunDetails>();
  for (const record of await watchableRecords(deps, principal, [...jobs.values()])) {
    for (const run of record.runs) if (wanted.has(run.runId)) found.set(run.runId, runDetails(record, run));
  }
  return { jobRunDetails: found };
}

/** The newest first. */
export function runsOf(record: JobRecord): RunRecord[] {
  return record.runs.toReversed();
}

/** The job as it was submitted; undefined when its spec was not read. */
export function specOf(record: JobRecord, specs: ReadonlyMap<string, SubmitJob>): Job | undefined {
  const spec = specs.get(record.jobId);
  const { queue, jobSet: jobSetName, owner: userId, groups } = record;
  return spec && publicJob({ queue, jobSetName, userId, groups }, spec, timestampOf(record.submittedAtMs));
}

/** Wire form of an instant that may not have come. */
export function optionalTimestamp(ms: number | undefined): Timestamp | undefined {
  return ms === undefined ? undefined : timestampOf(ms);
}

function detailsOf(record: JobRecord): Omit<JobDetails, 'jobSpec' | 'jobRuns'> {
  const { jobId, queue, jobSet: jobset, namespace, state } = record;
  const isCancelled = state === JobState.CANCELLED;
  return {
    jobId,
    queue,
    jobset,
    namespace,
    state,
    submittedTs: timestampOf(record.submittedAtMs),
    cancelTs: isCancelled ? optionalTimestamp(record.endedAtMs) : undefined,
    cancelReason: (isCancelled && record.cancel?.reason) || '',
    cancelUser: (isCancelled && record.cancel?.requestor) || '',
    lastTransitionTs: timestampOf(record.changedAtMs),
    latestRunId: lastRun(record)?.runId ?? '',
  };
}

function runDetails({ jobId }: JobRecord, run: RunRecord): JobRunDetails {
  return {
    runId: run.runId,
    jobId,
    state: run.state,
    cluster: run.executorId,
    node: run.node,
    leasedTs: timestampOf(run.leasedAtMs),
    pendingTs: optionalTimestamp(run.pendingAtMs),
    startedTs: optionalTimestamp(run.startedAtMs),
    finishedTs: optionalTimestamp(run.finishedAtMs),
    ingressAddresses: run.ingressAddresses,
  };
}
