/**
 * Preempting single jobs. A client asks; the run is stopped at once, and the
 * scheduler ends the job as soon as it sees the request.
 */
import type { JobRecord, StoredJob } from '@armada-ts/api/armada/store/v1/store';
import type { JobPreemptRequest, PreemptionResult } from '@armada-ts/api/api/submit';
import type { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import type { Principal } from '../auth/principal.ts';
import { jobId, placeOfJob } from '../model/ids.ts';
import { timestampOf } from '../model/instant.ts';
import { isTerminal, validRun } from '../model/job.ts';
import { shown } from '../model/names.ts';
import type { SubmitDeps } from './deps.ts';
import { appendDerived } from './derive.ts';
import { createFaultList, refuseIfFaulty } from './faults.ts';
import { accessibleJobs, checkJobSet, checkReason } from './target.ts';

/** Jobs looked at together: their specs are in memory. */
const JOBS_AT_ONCE = 1000;

/**
 * Asks that the runs of jobs give way, which ends the jobs. With a member of a
 * gang go all that hold a run. Answers for each id nothing when it was accepted,
 * now or by an earlier request, and else why not. Throws INVALID_REQUEST,
 * QUEUE_NOT_FOUND, PERMISSION_DENIED.
 */
export async function preemptJobs(
  deps: SubmitDeps,
  principal: Principal,
  request: JobPreemptRequest,
): Promise<PreemptionResult> {
  const faults = createFaultList();
  checkJobSet(request, faults);
  checkReason(request.reason, faults);
  refuseIfFaulty(faults);
  const ids = [...new Set(request.jobIds)];
  const results = new Map(ids.map((id) => [id, `job ${shown(id)} does not exist`]));
  const found = await accessibleJobs(deps, principal, { ...request, ids, verb: 'preempt' });
  for (let from = 0; from < found.length; from += JOBS_AT_ONCE) {
    const part = found.slice(from, from + JOBS_AT_ONCE);
    for (const [id, refusal] of await ask(deps, principal, part, request.reason)) results.set(id, refusal);
  }
  return { preemptionResults: results };
}

async function ask(
  deps: SubmitDeps,
  principal: Principal,
  jobs: readonly StoredJob[],
  reason: string,
): Promise<Map<string, string>> {
  const records = jobs.flatMap(({ record }) => record ?? []);
  const specs = await deps.store.read.specs(records.map((record) => record.jobId));
  const results = new Map<string, string>();
  const meant = new Map<string, StoredJob>();
  for (const job of jobs) {
    const { record } = job;
    if (record === undefined) continue;
    const refusal = refusalOf(deps, record, specs.get(record.jobId));
    results.set(record.jobId, refusal ?? '');
    // Whoever is meant already is so with all of its gang.
    if (refusal !== undefined || meant.has(record.jobId)) continue;
    for (const each of [job, ...(await gangOf(deps, record))]) meant.set(each.record?.jobId ?? '', each);
  }
  const created = timestampOf(deps.clock.now());
  const requestor = { userId: principal.name, groups: principal.groups };
  const asked = await appendDerived(deps.store, [...meant.values()], requestor, ({ jobId }) => ({
    created,
    event: { $case: 'jobPreemptionRequested', value: { jobId, reason } },
  }));
  const left = records.map((one) => one.jobId).filter((id) => results.get(id) === '' && !asked.has(id));
  for (const { record } of await deps.store.read.jobs(left)) {
    // Somebody else asked. If not, its run has ended meanwhile, and there is nothing left to ask for.
    if (record && !record.preempt) results.set(record.jobId, hasNoRun(record.jobId));
  }
  return results;
}

/** Why the job cannot be preempted; undefined when it can. */
function refusalOf(
  { rules }: SubmitDeps,
  record: JobRecord,
  spec: SubmitJob | undefined,
): string | undefined {
  const { jobId } = record;
  if (isTerminal(record.state)) return `job ${jobId} has ended`;
  if (validRun(record) === undefined) return hasNoRun(jobId);
  const main = spec?.mainObject?.object;
  const name = main?.$case === 'podSpec' ? (main.value.podSpec?.priorityClassName ?? '') : '';
  if (rules.priorityClasses.get(name)?.preemptible) return undefined;
  return `job ${jobId} has the priority class ${shown(name)}, which is not preemptible`;
}

function hasNoRun(id: string): string {
  return `job ${id} has no run that could be preempted`;
}

/** The members of the job's gang, itself included; none when it has no gang. They were submitted together. */
async function gangOf(
  { store }: SubmitDeps,
  { jobId: id, queue, jobSet, gang }: JobRecord,
): Promise<StoredJob[]> {
  if (gang === undefined) return [];
  const { prefix, slot } = placeOfJob(id);
  const first = jobId(prefix, 0, slot);
  const members = await store.read.jobs([first]);
  for (let afterId = first; ; ) {
    const page = await store.read.jobsOfSet(queue, jobSet, { states: [], afterId, limit: JOBS_AT_ONCE });
    const ofRequest = page.filter(({ record }) => record?.jobId.startsWith(prefix));
    members.push(...ofRequest);
    afterId = ofRequest.at(-1)?.record?.jobId ?? '';
    if (ofRequest.length < JOBS_AT_ONCE) break;
  }
  return members.filter(({ record }) => record?.jobSet === jobSet && record.gang?.id === gang.id);
}
