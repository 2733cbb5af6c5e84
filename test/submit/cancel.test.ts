import { JobState } from '@armada-ts/api/api/job';
import { JobCancelRequest, JobReprioritizeRequest, JobSetCancelRequest } from '@armada-ts/api/api/submit';
import { Batch } from '@armada-ts/api/armada/store/v1/store';
import { JobErrors, type EventSequence_Event } from '@armada-ts/api/armadaevents/armadaevents';
import { applyEvent } from '@armada-ts/server/model/job';
import { timestampOf } from '@armada-ts/server/model/instant';
import type { Store } from '@armada-ts/server/store/store';
import { cancelJobs, cancelJobSet } from '@armada-ts/server/submit/cancel';
import type { SubmitDeps } from '@armada-ts/server/submit/deps';
import { reprioritizeJobs } from '@armada-ts/server/submit/reprioritize';
import { submitJobs } from '@armada-ts/server/submit/submit';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, ann, bob, interposed, jobs, openSubmit } from './setup.ts';

const UNKNOWN = '01jdc0000000000000000000zz';

async function submitted(
  deps: SubmitDeps,
  count: number,
  changes: Parameters<typeof jobs>[1] = {},
): Promise<string[]> {
  const { jobResponseItems } = await submitJobs(deps, admin, jobs(count, changes));
  return jobResponseItems.map(({ jobId }) => jobId);
}

const cancel = (parts: Parameters<typeof JobCancelRequest.create>[0]) => JobCancelRequest.create(parts);
const cancelSet = (parts: Parameters<typeof JobSetCancelRequest.create>[0]) =>
  JobSetCancelRequest.create({ queue: 'a', jobSetId: 's', ...parts });
const reprioritize = (parts: Parameters<typeof JobReprioritizeRequest.create>[0]) =>
  JobReprioritizeRequest.create(parts);

/** Ends a job as the scheduler would. */
async function end(store: Store, jobId: string): Promise<void> {
  const [job] = await store.read.jobs([jobId]);
  const created = timestampOf(1);
  const event: EventSequence_Event = {
    created,
    event: { $case: 'jobErrors', value: JobErrors.fromPartial({ jobId, errors: [{ terminal: true }] }) },
  };
  const record = applyEvent(job!.record!, event, 'scheduler')!;
  const { queue, jobSet } = record;
  const sequences = [{ queue, jobSetName: jobSet, userId: '', groups: [], events: [event] }];
  const result = await store.append({
    ...Batch.create(),
    queue,
    sequences,
    changed: [{ record, expectedVersion: job!.version }],
  });
  assert.equal(result.outcome, 'applied');
}

const cancelOf = async (deps: SubmitDeps, id: string) =>
  (await deps.store.read.jobs([id]))[0]?.record?.cancel;

test('cancelJobs() asks by id alone, over job sets and queues, and answers what is cancelled', async (context) => {
  const deps = await openSubmit(context);
  const [one] = await submitted(deps, 1);
  const [two] = await submitted(deps, 1, { jobSetId: 't' });
  const [three, ended] = await submitted(deps, 2, { queue: 'b' });
  await end(deps.store, ended!);
  const request = cancel({
    jobId: two!,
    jobIds: [one!, two!, UNKNOWN, 'rubbish', three!, ended!, one!],
    reason: 'enough',
  });
  const { cancelledIds } = await cancelJobs(deps, admin, request);
  assert.deepEqual(cancelledIds.toSorted(), [one!, two!, three!].toSorted());
  assert.deepEqual(
    [(await cancelOf(deps, two!))?.requestor, (await cancelOf(deps, two!))?.reason],
    ['root', 'enough'],
  );
  const stream = await deps.store.read.stream('a', 't', 0, 1e6);
  assert.equal(stream.at(-1)?.events?.events[0]?.event?.$case, 'cancelJob');
});

test('cancelJobs() keeps the first request, and repeating it is answered and harmless', async (context) => {
  const deps = await openSubmit(context);
  const [id] = await submitted(deps, 1);
  await cancelJobs(deps, ann, cancel({ jobId: id!, reason: 'first' }));
  const heads = await deps.store.heads();
  assert.deepEqual(await cancelJobs(deps, admin, cancel({ jobId: id!, reason: 'second' })), {
    cancelledIds: [id],
  });
  assert.deepEqual(await deps.store.heads(), heads);
  assert.equal((await cancelOf(deps, id!))?.reason, 'first');
});

test('cancelJobs() takes queue and job set as a narrowing, and tells nothing of jobs of others', async (context) => {
  const deps = await openSubmit(context);
  const [mine] = await submitted(deps, 1);
  const [theirs] = await submitted(deps, 1, { queue: 'b' });
  const none = { cancelledIds: [] };
  assert.deepEqual(
    await cancelJobs(deps, ann, cancel({ jobId: mine!, queue: 'a', jobSetId: 'other' })),
    none,
  );
  assert.deepEqual(await cancelJobs(deps, ann, cancel({ jobIds: [theirs!] })), none);
  assert.deepEqual(
    await cancelJobs(deps, ann, cancel({ jobIds: [theirs!], queue: 'a', jobSetId: 's' })),
    none,
  );
  await assert.rejects(cancelJobs(deps, bob, cancel({ jobId: mine!, queue: 'a' })), {
    code: 'PERMISSION_DENIED',
  });
  await assert.rejects(cancelJobs(deps, ann, cancel({ jobId: mine!, queue: 'nowhere' })), {
    code: 'QUEUE_NOT_FOUND',
  });
  assert.equal(await cancelOf(deps, theirs!), undefined);
  assert.equal(await cancelOf(deps, mine!), undefined);
});

test('cancelJobs() without ids is about the job set, and answers its live jobs', async (context) => {
  const deps = await openSubmit(context);
  const ids = await submitted(deps, 3);
  await end(deps.store, ids[1]!);
  const { cancelledIds } = await cancelJobs(deps, ann, cancel({ queue: 'a', jobSetId: 's', reason: 'x' }));
  assert.deepEqual(cancelledIds, [ids[0], ids[2]]);
  const { operations } = await deps.store.read.active('');
  assert.deepEqual(
    operations.map(({ queue, jobSet, requestor, event }) => [queue, jobSet, requestor, event?.event?.$case]),
    [['a', 's', 'ann', 'cancelJobSet']],
  );
  assert.equal(
    (await deps.store.read.stream('a', 's', 0, 1e6)).at(-1)?.events?.events[0]?.event?.$case,
    'cancelJobSet',
  );
});

test('cancelling refuses reasons that are too long and requests that name nothing', async (context) => {
  const deps = await openSubmit(context);
  const [id] = await submitted(deps, 1);
  const refused = async (work: Promise<unknown>, ...fields: string[]) => {
    await assert.rejects(work, (error: { code: string; faults: { field: string }[] }) => {
      assert.equal(error.code, 'INVALID_REQUEST');
      assert.deepEqual(
        error.faults.map(({ field }) => field),
        fields,
      );
      return true;
    });
  };
  await refused(cancelJobs(deps, ann, cancel({ jobId: id!, reason: 'ä'.repeat(26) })), 'reason');
  await refused(cancelJobs(deps, ann, cancel({})), 'queue', 'job_set_id');
  await refused(cancelJobs(deps, ann, cancel({ jobIds: [''], queue: 'a' })), 'job_set_id');
  await refused(cancelJobSet(deps, ann, cancelSet({ jobSetId: '', reason: 'a\nb' })), 'reason', 'job_set_id');
  await refused(
    cancelJobSet(deps, ann, cancelSet({ filter: { states: [JobState.PENDING] } })),
    'filter.states',
  );
  const odd = [JobState.QUEUED, JobState.SUCCEEDED, 77 as JobState];
  await refused(
    cancelJobSet(deps, ann, cancelSet({ filter: { states: odd } })),
    'filter.states[1]',
    'filter.states[2]',
  );
  await cancelJobs(deps, ann, cancel({ jobId: id!, reason: 'ä'.repeat(25) }));
});

test('cancelJobSet() writes one operation with the states asked for, and none where nothing lives', async (context) => {
  const deps = await openSubmit(context);
  await cancelJobSet(deps, ann, cancelSet({ jobSetId: 'unknown' }));
  assert.equal(await deps.store.read.jobSet('a', 'unknown'), undefined);
  await assert.rejects(cancelJobSet(deps, bob, cancelSet({})), { code: 'PERMISSION_DENIED' });
  await assert.rejects(cancelJobSet(deps, ann, cancelSet({ queue: 'nowhere' })), { code: 'QUEUE_NOT_FOUND' });

  await submitted(deps, 1);
  await cancelJobSet(deps, ann, cancelSet({ filter: { states: [JobState.RUNNING, JobState.PENDING] } }));
  await cancelJobSet(deps, ann, cancelSet({ filter: { states: [JobState.QUEUED, JobState.QUEUED] } }));
  const { operations } = await deps.store.read.active('');
  const states = operations.map(
    ({ event }) => event?.event?.$case === 'cancelJobSet' && event.event.value.states,
  );
  assert.deepEqual(new Set(states.map(String)), new Set(['1,2', '0']));
});

test('a request is derived again when the job moves on, and left when it ends', async (context) => {
  const deps = await openSubmit(context);
  const [moved, gone] = await submitted(deps, 2);
  let appends = 0;
  const store = interposed(deps.store, async () => {
    if (appends++ > 0) return;
    await reprioritizeJobs(deps, ann, reprioritize({ jobIds: [moved!], newPriority: 9 }));
    await end(deps.store, gone!);
  });
  const { cancelledIds } = await cancelJobs({ ...deps, store }, ann, cancel({ jobIds: [moved!, gone!] }));
  assert.deepEqual(cancelledIds, [moved]);
  const [record] = await deps.store.read.jobs([moved!]);
  assert.equal(record?.record?.requestedPriority, 9);
  assert.equal(record?.record?.cancel?.requestor, 'ann');
  assert.equal(await cancelOf(deps, gone!), undefined);

  const [other] = await submitted(deps, 1);
  const endless = interposed(deps.store, async () => ({ outcome: 'stale', current: [] }));
  await assert.rejects(cancelJobs({ ...deps, store: endless }, ann, cancel({ jobId: other! })), {
    code: 'CONFLICT',
  });
});

test('cancelJobs() takes more jobs than fit one batch', async (context) => {
  const deps = await openSubmit(context);
  const ids = await submitted(deps, 1500);
  assert.equal((await cancelJobs(deps, ann, cancel({ jobIds: ids }))).cancelledIds.length, 1500);
  const records = await deps.store.read.jobs(ids);
  assert.equal(
    records.every(({ record }) => record?.cancel?.requestor === 'ann'),
    true,
  );
});

test('reprioritizeJobs() answers by id, and one entry for a job set', async (context) => {
  const deps = await openSubmit(context);
  const [one, ended] = await submitted(deps, 2);
  const [theirs] = await submitted(deps, 1, { queue: 'b' });
  await end(deps.store, ended!);
  const request = reprioritize({ jobIds: [one!, ended!, theirs!, UNKNOWN], newPriority: 2.5 });
  const { reprioritizationResults } = await reprioritizeJobs(deps, ann, request);
  assert.deepEqual(
    [...reprioritizationResults],
    [
      [one, ''],
      [ended, `job ${ended} has ended`],
      [theirs, `job "${theirs}" does not exist`],
      [UNKNOWN, `job "${UNKNOWN}" does not exist`],
    ],
  );
  assert.equal((await deps.store.read.jobs([one!]))[0]?.record?.requestedPriority, 3);

  const whole = await reprioritizeJobs(
    deps,
    ann,
    reprioritize({ queue: 'a', jobSetId: 's', newPriority: 1 }),
  );
  assert.deepEqual([...whole.reprioritizationResults], [['all jobs in job set s', '']]);
  assert.equal((await deps.store.read.active('')).operations[0]?.event?.event?.$case, 'reprioritiseJobSet');
});

test('reprioritizeJobs() refuses NaN, missing targets and callers without the verb', async (context) => {
  const deps = await openSubmit(context);
  const whole = { queue: 'a', jobSetId: 's' };
  await assert.rejects(reprioritizeJobs(deps, ann, reprioritize({ ...whole, newPriority: Number.NaN })), {
    code: 'INVALID_REQUEST',
  });
  await assert.rejects(reprioritizeJobs(deps, ann, reprioritize({ queue: 'a' })), {
    code: 'INVALID_REQUEST',
  });
  await assert.rejects(reprioritizeJobs(deps, bob, reprioritize(whole)), { code: 'PERMISSION_DENIED' });
});
