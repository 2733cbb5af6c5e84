import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { JobPreemptRequest } from '@armada-ts/api/api/submit';
import { Batch } from '@armada-ts/api/armada/store/v1/store';
import { JobRunLeased, type EventSequence_Event } from '@armada-ts/api/armadaevents/armadaevents';
import { runId, slotOfQueue } from '@armada-ts/server/model/ids';
import { timestampOf } from '@armada-ts/server/model/instant';
import { applyEvent } from '@armada-ts/server/model/job';
import type { SubmitDeps } from '@armada-ts/server/submit/deps';
import { cancelJobs } from '@armada-ts/server/submit/cancel';
import { preemptJobs } from '@armada-ts/server/submit/preempt';
import { decodeItem } from '@armada-ts/server/submit/received';
import { submitJobs } from '@armada-ts/server/submit/submit';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { ann, bob, interposed, jobs, openSubmit } from './setup.ts';

const UNKNOWN = '01jdc0000000000000000000zz';
const YIELDING = 'armada-preemptible';

const preempt = (jobIds: string[], parts: Parameters<typeof JobPreemptRequest.create>[0] = {}) =>
  JobPreemptRequest.create({ queue: 'a', jobSetId: 's', jobIds, ...parts });

async function submitted(
  deps: SubmitDeps,
  classes: string[],
  annotations: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const item = (i: number) => ({
    annotations: new Map(Object.entries(annotations)),
    podSpec: PodSpec.create({
      ...decodeItem(jobs(1).items[0]!).podSpec,
      priorityClassName: classes[i] ?? '',
    }),
  });
  const { jobResponseItems } = await submitJobs(deps, ann, jobs(classes.length, { item }));
  return jobResponseItems.map(({ jobId }) => jobId);
}

async function recordOf(deps: SubmitDeps, id: string) {
  const [job] = await deps.store.read.jobs([id]);
  return job!;
}

/** Does to a job what the scheduler does. */
async function decide(
  deps: SubmitDeps,
  id: string,
  ...payloads: NonNullable<EventSequence_Event['event']>[]
): Promise<void> {
  const job = await recordOf(deps, id);
  const events = payloads.map((event) => ({ event, created: timestampOf(1) }));
  const record = events.reduce((before, event) => applyEvent(before, event, '')!, job.record!);
  const { queue, jobSet: jobSetName } = record;
  const result = await deps.store.append({
    ...Batch.create(),
    queue,
    sequences: [{ queue, jobSetName, userId: '', groups: [], events }],
    changed: [{ record, expectedVersion: job.version }],
  });
  assert.equal(result.outcome, 'applied');
}

async function lease(deps: SubmitDeps, id: string): Promise<string> {
  const run = runId(slotOfQueue('a'), randomBytes(16));
  const value = JobRunLeased.fromPartial({ jobId: id, runId: run, executorId: 'east', nodeId: 'n1' });
  await decide(deps, id, { $case: 'jobRunLeased', value });
  return run;
}

test('preemptJobs() asks of jobs that hold a run, and says of each other why not', async (context) => {
  const deps = await openSubmit(context);
  const [held, queued, ended] = await submitted(deps, [YIELDING, YIELDING, YIELDING]);
  const [firm] = await submitted(deps, ['armada-default']);
  for (const id of [held!, firm!]) await lease(deps, id);
  await cancelJobs(deps, ann, { queue: '', jobSetId: '', jobId: ended!, jobIds: [], reason: '' });
  await decide(deps, ended!, { $case: 'cancelledJob', value: { jobId: ended!, reason: '', requestor: '' } });
  const ids = [held!, queued!, ended!, firm!, UNKNOWN, 'no id'];
  const { preemptionResults } = await preemptJobs(deps, ann, preempt(ids, { reason: 'room' }));
  assert.deepEqual(
    [...preemptionResults],
    [
      [held, ''],
      [queued, `job ${queued} has no run that could be preempted`],
      [ended, `job ${ended} has ended`],
      [firm, `job ${firm} has the priority class "armada-default", which is not preemptible`],
      [UNKNOWN, `job "${UNKNOWN}" does not exist`],
      ['no id', 'job "no id" does not exist'],
    ],
  );
  const { record } = await recordOf(deps, held!);
  assert.deepEqual([record?.preempt?.requestor, record?.preempt?.reason], ['ann', 'room']);
  for (const id of [queued!, firm!]) assert.equal((await recordOf(deps, id)).record?.preempt, undefined);

  const again = await preemptJobs(deps, ann, preempt([held!], { reason: 'more room' }));
  assert.deepEqual([...again.preemptionResults], [[held, '']]);
  assert.equal((await recordOf(deps, held!)).record?.preempt?.reason, 'room', 'the first reason is kept');
});

test('preemptJobs() touches no job of another set or queue, and nothing without ids', async (context) => {
  const deps = await openSubmit(context);
  const [id] = await submitted(deps, [YIELDING]);
  await lease(deps, id!);
  const elsewhere = await preemptJobs(deps, ann, preempt([id!], { jobSetId: 'other' }));
  assert.deepEqual([...elsewhere.preemptionResults], [[id, `job "${id}" does not exist`]]);
  assert.equal((await preemptJobs(deps, ann, preempt([]))).preemptionResults.size, 0);
  assert.equal((await recordOf(deps, id!)).record?.preempt, undefined);
});

test('preemptJobs() refuses what names no job set, long reasons and callers without the verb', async (context) => {
  const deps = await openSubmit(context);
  const refused = async (request: JobPreemptRequest, ...fields: string[]) =>
    await assert.rejects(
      preemptJobs(deps, ann, request),
      (error: { code: string; faults: { field: string }[] }) => {
        assert.equal(error.code, 'INVALID_REQUEST');
        assert.deepEqual(
          error.faults.map(({ field }) => field),
          fields,
        );
        return true;
      },
    );
  await refused(preempt([UNKNOWN], { queue: '', jobSetId: '' }), 'queue', 'job_set_id');
  await refused(preempt([UNKNOWN], { reason: 'x'.repeat(51) }), 'reason');
  await assert.rejects(preemptJobs(deps, bob, preempt([UNKNOWN])), { code: 'PERMISSION_DENIED' });
  await assert.rejects(preemptJobs(deps, ann, preempt([], { queue: 'nowhere' })), {
    code: 'QUEUE_NOT_FOUND',
  });
});

test('with a member of a gang go all members that hold a run, and no other job', async (context) => {
  const deps = await openSubmit(context);
  const gang = { 'armadaproject.io/gangId': 'g', 'armadaproject.io/gangCardinality': '3' };
  const members = await submitted(deps, [YIELDING, YIELDING, YIELDING], gang);
  const [other] = await submitted(deps, [YIELDING]);
  for (const id of [members[0]!, members[1]!, other!]) await lease(deps, id);
  const { preemptionResults } = await preemptJobs(deps, ann, preempt([members[1]!]));
  assert.deepEqual([...preemptionResults], [[members[1], '']]);
  const asked = await Promise.all([...members, other!].map((id) => recordOf(deps, id)));
  assert.deepEqual(
    asked.map(({ record }) => record?.preempt !== undefined),
    [true, true, false, false],
  );
});

test('a run that ends before the request is kept is told', async (context) => {
  const deps = await openSubmit(context);
  const [id] = await submitted(deps, [YIELDING]);
  const run = await lease(deps, id!);
  let appends = 0;
  const store = interposed(deps.store, async () => {
    if (appends++ > 0) return;
    const value = { jobId: id!, runId: run, resourceInfos: [] };
    await decide(deps, id!, { $case: 'jobRunSucceeded', value });
  });
  const { preemptionResults } = await preemptJobs({ ...deps, store }, ann, preempt([id!]));
  assert.equal(preemptionResults.get(id!), `job ${id} has no run that could be preempted`);
});

test('a request that somebody else made meanwhile is as good as this one', async (context) => {
  const deps = await openSubmit(context);
  const [id] = await submitted(deps, [YIELDING]);
  await lease(deps, id!);
  let appends = 0;
  const store = interposed(deps.store, async () => {
    if (appends++ === 0) await preemptJobs(deps, ann, preempt([id!], { reason: 'first' }));
  });
  const { preemptionResults } = await preemptJobs({ ...deps, store }, ann, preempt([id!]));
  assert.equal(preemptionResults.get(id!), '');
  assert.equal((await recordOf(deps, id!)).record?.preempt?.reason, 'first');
});

test('a gang of which all members are named is read once', async (context) => {
  const deps = await openSubmit(context);
  const gang = { 'armadaproject.io/gangId': 'g', 'armadaproject.io/gangCardinality': '3' };
  const members = await submitted(deps, [YIELDING, YIELDING, YIELDING], gang);
  for (const id of members) await lease(deps, id);
  let pages = 0;
  const { read } = deps.store;
  const jobsOfSet: typeof read.jobsOfSet = (...of) => {
    pages++;
    return read.jobsOfSet(...of);
  };
  const store = { ...deps.store, read: { ...read, jobsOfSet } };
  const { preemptionResults } = await preemptJobs({ ...deps, store }, ann, preempt(members));
  assert.ok([...preemptionResults.values()].every((refusal) => refusal === ''));
  assert.equal(pages, 1);
});
