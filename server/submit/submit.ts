/**
 * Submitting: a whole request is accepted, atomically and durably, or refused
 * without a trace (design invariants I1, I5, I9).
 */
import { type JobSubmitRequestItem, JobSubmitResponse } from '@armada-ts/api/api/submit';
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
import { type EncodedItem, encodedItemsOf, podSpecOf, type ReceivedSubmit } from './received.ts';
import { MAX_ATTEMPTS, type SubmitDeps } from './deps.ts';
import { createFaultList, refusal, refuseIfFaulty } from './faults.ts';
import { queueFor, queueNotFound } from '../auth/queue-access.ts';
import { tooBusy } from './too-busy.ts';
import { autoCreateQueue } from './queues.ts';
import { validateSubmit } from './validate.ts';

/** An item with the job it would become. */
interface Candidate {
  index: number;
  item: JobSubmitRequestItem;
  encoded: EncodedItem;
  jobId: string;
  claimHash: Buffer | undefined;
}

/**
 * Accepts the jobs of a request and answers one id per item, in order: a new
 * one, or the earlier one where the client id stands for the same item already.
 * Throws INVALID_REQUEST, QUEUE_NOT_FOUND, PERMISSION_DENIED,
 * CLIENT_ID_CONFLICT, CONFLICT or UNAVAILABLE; each but the last has changed
 * nothing, and after UNAVAILABLE repeating is safe for items with client ids.
 */
export async function submitJobs(
  deps: SubmitDeps,
  principal: Principal,
  request: ReceivedSubmit,
): Promise<JobSubmitResponse> {
  const nameFault = queueNameFault(request.queue);
  if (nameFault !== undefined) throw invalidField('queue', nameFault);
  await autoCreateQueue(deps, principal, request.queue);
  await queueFor(deps, principal, request.queue, 'submit');
  refuseIfFaulty(validateSubmit(request, deps.rules));

  const candidates = candidatesOf(deps, request);
  // Client ids are new as a rule, and the store says so when one is not: asking first would cost every job for it.
  let claims: Claim[] = [];
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const ids = answerIds(candidates, claims);
    const fresh = candidates.filter(({ index, jobId: own }) => ids[index] === own);
    if (fresh.length === 0) return answer(ids);
    const result = await deps.store.append(batchOf(deps, principal, request, fresh));
    switch (result.outcome) {
      case 'applied':
      case 'repeated':
        return answer(ids);
      case 'claimed':
        claims = [...claims, ...result.claims];
        break;
      case 'no-queue':
        throw queueNotFound(request.queue);
      case 'stale':
      case 'sealed':
        throw new Error(`a batch of new jobs was answered ${result.outcome}`);
    }
  }
  throw tooBusy('the client ids of this request');
}

/** Ids are given out once for a request, so an attempt that is made again asks for the same jobs. */
function candidatesOf(deps: SubmitDeps, request: ReceivedSubmit): Candidate[] {
  const prefix = requestPrefix(deps.clock.now(), deps.random(7));
  const slot = slotOfQueue(request.queue);
  return encodedItemsOf(request).flatMap((encoded, index) => {
    const item = request.jobRequestItems[index];
    if (item === undefined) return [];
    const hash = item.clientId === '' ? undefined : claimHash(request.jobSetId, encoded.bytes);
    return { index, item, encoded, jobId: jobId(prefix, index, slot), claimHash: hash };
  });
}

/**
 * The job id of each item: that of the claim on its client id, that of an
 * earlier item with the same one, or its own. Throws CLIENT_ID_CONFLICT naming
 * each item whose client id stands for something else.
 */
function answerIds(candidates: readonly Candidate[], claims: readonly Claim[]): string[] {
  const taken = new Map(claims.map((claim) => [claim.clientId, claim]));
  const conflicts = createFaultList();
  const ids = candidates.map(({ index, item, jobId: own, claimHash: mine }) => {
    if (mine === undefined) return own;
    const claim = taken.get(item.clientId);
    if (claim === undefined) {
      taken.set(item.clientId, { clientId: item.clientId, jobId: own, hash: mine });
      return own;
    }
    if (!mine.equals(claim.hash)) {
      conflicts.add(
        `job_request_items[${index}].client_id`,
        `must be new or stand for the same job, got ${shown(item.clientId)} of job ${claim.jobId}, which was submitted with different content`,
      );
    }
    return claim.jobId;
  });
  if (conflicts.count > 0) throw refusal(conflicts, 'CLIENT_ID_CONFLICT');
  return ids;
}

function batchOf(
  deps: SubmitDeps,
  principal: Principal,
  request: ReceivedSubmit,
  fresh: readonly Candidate[],
): Batch {
  const createdMs = deps.clock.now();
  const sender: Sender = {
    queue: request.queue,
    jobSetName: request.jobSetId,
    userId: principal.name,
    groups: [...principal.groups],
  };
  const identity = { queue: request.queue, jobSet: request.jobSetId, user: principal.name };
  const classes = new Map<string, SchedulingClass>();
  const submitted = fresh.map((candidate): NewJob => {
    const job = defaultedJob(candidate.item, { ...identity, jobId: candidate.jobId }, deps.rules);
    const filled = podSpecOfJob(job);
    const schedulingClass = deps.classify(filled);
    classes.set(schedulingClass.id, schedulingClass);
    const { gang } = gangOf(job.objectMeta?.annotations ?? new Map());
    const record = submittedJob({ sender, job, createdMs, schedulingClass: schedulingClass.id, gang });
    const given = podSpecOf(candidate.item) ?? filled;
    const spec = encodeJob(job, { encoded: candidate.encoded.podSpec, given, filled });
    return { record, spec, claimHash: candidate.claimHash ?? Buffer.alloc(0) };
  });
  const created = timestampOf(createdMs);
  const events = fresh.map((candidate): EventSequence_Event => {
    return { created, event: { $case: 'submitJob', value: SubmitJob.create({ jobId: candidate.jobId }) } };
  });
  return {
    ...Batch.create(),
    queue: request.queue,
    sequences: [{ ...sender, events }],
    submitted,
    classes: [...classes.values()],
  };
}

function podSpecOfJob(job: SubmitJob): PodSpec {
  const object: PodSpecWithAvoidList | undefined = job.mainObject?.object?.value;
  return object?.podSpec ?? PodSpec.create();
}

function answer(ids: readonly string[]): JobSubmitResponse {
  return { jobResponseItems: ids.map((id) => ({ jobId: id, error: '' })) };
}
