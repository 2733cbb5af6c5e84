import type { Batch } from '@armada-ts/api/armada/store/v1/store';
import type { Event } from '@armada-ts/server/model/job';
import { timestampOf } from '@armada-ts/server/model/instant';
import { appendDerived } from '@armada-ts/server/submit/derive';
import type { SubmitDeps } from '@armada-ts/server/submit/deps';
import { openOperation, type SetRequest } from '@armada-ts/server/submit/operation';
import { submitJobs } from '@armada-ts/server/submit/submit';
import { accessibleJobs } from '@armada-ts/server/submit/target';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, ann, bob, interposed, jobs, openSubmit } from './setup.ts';

const requestor = { userId: 'ann', groups: ['team'] };

/** One job in each of three job sets of two queues. */
async function spreadJobs(deps: SubmitDeps): Promise<string[]> {
  const ids: string[] = [];
  for (const place of [{}, { jobSetId: 't' }, { queue: 'b' }]) {
    const { jobResponseItems } = await submitJobs(deps, admin, jobs(1, place));
    ids.push(...jobResponseItems.map(({ jobId }) => jobId));
  }
  return ids;
}

const cancelling = (jobId: string): Event => ({
  created: timestampOf(5),
  event: { $case: 'cancelJob', value: { jobId, reason: 'x' } },
});

test('appendDerived() makes one batch for a queue and one sequence for a job set', async (context) => {
  const deps = await openSubmit(context);
  const ids = await spreadJobs(deps);
  const batches: Batch[] = [];
  const store = interposed(deps.store, async (batch) => void batches.push(batch));
  const found = await deps.store.read.jobs(ids);
  const changed = await appendDerived(store, found, requestor, ({ jobId }) => cancelling(jobId));
  assert.deepEqual(changed, new Set(ids));
  const shape = batches.map(({ queue, sequences }) => [queue, sequences.map(({ jobSetName }) => jobSetName)]);
  assert.deepEqual(shape, [
    ['a', ['s', 't']],
    ['b', ['s']],
  ]);
});

test('appendDerived() writes nothing when nothing is derived or nothing changes', async (context) => {
  const deps = await openSubmit(context);
  const found = await deps.store.read.jobs(await spreadJobs(deps));
  const heads = await deps.store.heads();
  assert.equal((await appendDerived(deps.store, found, requestor, () => undefined)).size, 0);
  assert.deepEqual(await deps.store.heads(), heads);
  await appendDerived(deps.store, found, requestor, ({ jobId }) => cancelling(jobId));
  // The records are old by now; the newer ones have been asked to cancel already.
  assert.equal((await appendDerived(deps.store, found, requestor, ({ jobId }) => cancelling(jobId))).size, 0);
});

test('accessibleJobs() leaves out what is elsewhere, unknown or not for the principal', async (context) => {
  const deps = await openSubmit(context);
  const [one, two, three] = await spreadJobs(deps);
  const all = [one!, two!, three!, 'rubbish', '01jdc0000000000000000000zz'];
  const idsFor = async (who: typeof ann, more: { queue?: string; jobSetId?: string } = {}) => {
    const target = { ids: all, queue: '', jobSetId: '', verb: 'cancel' as const, ...more };
    return (await accessibleJobs(deps, who, target)).map(({ record }) => record?.jobId);
  };
  assert.deepEqual(await idsFor(admin), [one, two, three]);
  assert.deepEqual(await idsFor(ann), [one, two]);
  assert.deepEqual(await idsFor(bob), [three]);
  assert.deepEqual(await idsFor(admin, { jobSetId: 's' }), [one, three]);
  assert.deepEqual(await idsFor(ann, { queue: 'a', jobSetId: 't' }), [two]);
  await assert.rejects(idsFor(bob, { queue: 'a' }), { code: 'PERMISSION_DENIED' });
});

test('openOperation() stays open for the leader, with who asked and when', async (context) => {
  const deps = await openSubmit(context);
  await spreadJobs(deps);
  const request: SetRequest = { $case: 'cancelJobSet', value: { states: [], reason: 'x' } };
  await openOperation(deps, ann, { queue: 'a', jobSet: 's' }, request);
  await openOperation(deps, ann, { queue: 'a', jobSet: 's' }, request);
  const { operations } = await deps.store.read.active('');
  assert.equal(new Set(operations.map(({ id }) => id)).size, 2);
  const [{ requestor: who, openedAtNumber }] = operations as [(typeof operations)[0]];
  assert.equal(who, 'ann');
  assert.ok(openedAtNumber > 0);
});
