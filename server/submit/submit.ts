/**
 * Submitting: a whole request is accepted, atomically and durably, or refused
 * without a trace (design invariants I1, I5, I9).
 */
import type { JobSubmitResponse } from '@armada-ts/api/api/submit';
import { Batch, type NewJob, type SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import {
  type EventSequence_Event,
  PodSpecWithAvoidList,
  SubmitJob,
} from '@armada-ts/api/armadaevents/armadaevents';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import type { Principal } from '../auth/principal.ts';
import { invalidField } from '../base/errors.ts';
import { gangOf } from '../model/gang.ts';
import { jobId, requestPrefix, slotOfQueue } from '../model/ids.ts';
import { timestampOf } from '../model/instant.ts';
import { type Sender, submittedJob } from '../model/job.ts';
import { queueNameFault, shown } from '../model/names.ts';
import type { Claim } from '../store/store.ts';
import { claimHash } from './claim.ts';
import { defaultedJob } from './defaults.ts';
import { encodeJob } from './encode-job.ts';
import type { ReceivedSubmit } from './received.ts';
import { MAX_ATTEMPTS, type SubmitDeps } from './deps.ts';
import { createFaultList, refusal, refuseIfFaulty } from './faults.ts';
import { queueFor, queueNotFound } from '../auth/queue-access.ts';
import { tooBusy } from './too-busy.ts';
import { autoCreateQueue } from './queues.ts';
import { validateSubmit } from './validate.ts';

/** What an item becomes if its client id is new. */
interface Draft {
  index: number;
  clientId: string;
  jobId: string;
  claimHash: Buffer | undefined;
  job: NewJob;
}

/** All that is kept of a request while its jobs are being written. */
interface Drafts {
  sender: Sender;
  createdMs: number;
  drafts: Draft[];
  classes: Map<string, SchedulingClass>;
}

/**
 * Accepts the jobs of a request and answers one id per item, in order: a new
 * one, or the earlier one where the client id stands for the same item already.
 * Throws INVALID_REQUEST, QUEUE_NOT_FOUND, PERMISSION_DENIED,
 * CLIENT_ID_CONFLICT, CONFLICT or UNAVAILABLE; each but the last has changed
 * nothing, and after UNAVAILABLE repeating is safe for items with client ids.
 * @param traceparent kept with the jobs, so that their runs are traced too
 */
export async function submitJobs(
  deps: SubmitDeps,
  principal: Principal,
  request: ReceivedSubmit,
  traceparent?: string,
): Promise<JobSubmitResponse> {
  const nameFault = queueNameFault(request.queue);
  if (nameFault !== undefined) throw invalidField('queue', nameFault);
  if (deps.rules.autoCreateQueues) await autoCreateQueue(deps, principal, request.queue);
  await queueFor(deps, principal, request.queue, 'submit');

  // Not awaited, so that nothing here holds the request meanwhile: decoded, it takes many times what is written.
  return append(deps, draftsOf(deps, principal, request, traceparent));
}

async function append(
  deps: SubmitDeps,
  { sender, createdMs, drafts, classes }: Drafts,
): Promise<JobSubmitResponse> {
  // Client ids are new as a rule, and the store says so when one is not: asking first would cost every job for it.
  let claims: Claim[] = [];
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const ids = answerIds(drafts, claims);
    const fresh = drafts.filter(({ index, jobId: own }) => ids[index] === own);
    if (fresh.length === 0) return answer(ids);
    const result = await deps.store.append(batchOf({ sender, createdMs, drafts: fresh, classes }));
    switch (result.outcome) {
      case 'applied':
      case 'repeated':
        return answer(ids);
      case 'claimed':
        claims = [...claims, ...result.claims];
        break;
      case 'no-queue':
        throw queueNotFound(sender.queue);
      case 'stale':
      case 'sealed':
        throw new Error(`a batch of new jobs was answered ${result.outcome}`);
    }
  }
  throw tooBusy('the client ids of this request');
}

/**
 * Throws INVALID_REQUEST. Ids are given out once for a request, so an attempt that is made again asks for the same
 * jobs.
 */
function draftsOf(
  deps: SubmitDeps,
  principal: Principal,
  request: ReceivedSubmit,
  traceparent: string | undefined,
): Drafts {
  const createdMs = deps.clock.now();
  const { queue, jobSetId } = request;
  const sender = { queue, jobSetName: jobSetId, userId: principal.name, groups: [...principal.groups] };
  const prefix = requestPrefix(createdMs, deps.random(7));
  const slot = slotOfQueue(queue);
  const classes = new Map<string, SchedulingClass>();
  const drafts: Draft[] = [];
  const faults = validateSubmit(request, deps.rules, ({ item, bytes, podSpec, podSpecBytes }, index) => {
    const id = jobId(prefix, index, slot);
    const identity = { jobId: id, queue, jobSet: jobSetId, user: principal.name, traceparent };
    const job = defaultedJob(item, identity, deps.rules);
    const filled = podSpecOfJob(job);
    const schedulingClass = deps.classify(filled);
    classes.set(schedulingClass.id, schedulingClass);
    const { gang } = gangOf(job.objectMeta?.annotations ?? NO_ANNOTATIONS);
    const record = submittedJob({ sender, job, createdMs, schedulingClass: schedulingClass.id, gang });
    const spec = encodeJob(job, { encoded: podSpecBytes, given: podSpec ?? filled, filled });
    const hash = item.clientId === '' ? undefined : claimHash(jobSetId, bytes);
    const newJob = { record, spec, claimHash: hash ?? NO_HASH };
    drafts.push({ index, clientId: item.clientId, jobId: id, claimHash: hash, job: newJob });
  });
  refuseIfFaulty(faults);
  return { sender, createdMs, drafts, classes };
}

const NO_ANNOTATIONS: ReadonlyMap<string, string> = new Map();
const NO_HASH = Buffer.alloc(0);

/**
 * The job id of each item: that of the claim on its client id, that of an
 * earlier item with the same one, or its own. Throws CLIENT_ID_CONFLICT naming
 * each item whose client id stands for something else.
 */
function answerIds(drafts: readonly Draft[], claims: readonly Claim[]): string[] {
  const taken = new Map(claims.map((claim) => [claim.clientId, claim]));
  const conflicts = createFaultList();
  const ids = drafts.map(({ index, clientId, jobId: own, claimHash: mine }) => {
    if (mine === undefined) return own;
    const claim = taken.get(clientId);
    if (claim === undefined) {
      taken.set(clientId, { clientId, jobId: own, hash: mine });
      return own;
    }
    if (!mine.equals(claim.hash)) {
      conflicts.add(
        `job_request_items[${index}].client_id`,
        `must be new or stand for the same job, got ${shown(clientId)} of job ${claim.jobId}, which was submitted with different content`,
      );
    }
    return claim.jobId;
  });
  if (conflicts.count > 0) throw refusal(conflicts, 'CLIENT_ID_CONFLICT');
  return ids;
}

function batchOf({ sender, createdMs, drafts, classes }: Drafts): Batch {
  const created = timestampOf(createdMs);
  const events = drafts.map(({ jobId: id }): EventSequence_Event => {
    return { created, event: { $case: 'submitJob', value: { ...NAMELESS_JOB, jobId: id } } };
  });
  const used = new Set(drafts.map(({ job }) => job.record?.schedulingClass ?? ''));
  return {
    ...Batch.create(),
    queue: sender.queue,
    sequences: [{ ...sender, events }],
    submitted: drafts.map(({ job }) => job),
    classes: [...classes.values()].filter(({ id }) => used.has(id)),
  };
}

/** The submit event in a stream only names its job. */
const NAMELESS_JOB = SubmitJob.create();

function podSpecOfJob(job: SubmitJob): PodSpec {
  const object: PodSpecWithAvoidList | undefined = job.mainObject?.object?.value;
  return object?.podSpec ?? PodSpec.create();
}

function answer(ids: readonly string[]): JobSubmitResponse {
  return { jobResponseItems: ids.map((id) => ({ jobId: id, error: '' })) };
}
