import type { AskedFor, DescribedRun, DescribeJobResponse } from '@armada-ts/api/armada/jobs/v1/jobs';
import type { Request, RunRecord } from '@armada-ts/api/armada/store/v1/store';
import type { Principal } from '../auth/principal.ts';
import { timestampOf } from '../model/instant.ts';
import { errorText, exitCodeOf } from '../model/run-error.ts';
import { type QueryDeps, watchableJob } from './access.ts';
import { optionalTimestamp, runsOf, specOf } from './details.ts';
import { listedJob } from './listed-job.ts';

/** All that is known of one job. Throws INVALID_REQUEST and JOB_NOT_FOUND. */
export async function describeJob(
  deps: QueryDeps,
  principal: Principal,
  jobId: string,
): Promise<DescribeJobResponse> {
  const record = await watchableJob(deps, principal, jobId);
  return {
    job: listedJob(record),
    runs: runsOf(record).map(describedRun),
    spec: specOf(record, await deps.store.read.specs([jobId])),
    cancel: record.cancel && askedFor(record.cancel),
    preempt: record.preempt && askedFor(record.preempt),
  };
}

function describedRun(run: RunRecord): DescribedRun {
  const { runId, state, executorId: cluster, node, pool, ingressAddresses } = run;
  return {
    runId,
    state,
    cluster,
    node,
    pool,
    leased: timestampOf(run.leasedAtMs),
    pending: optionalTimestamp(run.pendingAtMs),
    started: optionalTimestamp(run.startedAtMs),
    finished: optionalTimestamp(run.finishedAtMs),
    exitCode: exitCodeOf(run),
    error: errorText(run.error),
    ingressAddresses,
  };
}

function askedFor({ requestor: user, reason, atMs }: Request): AskedFor {
  return { user, reason, at: timestampOf(atMs) };
}
