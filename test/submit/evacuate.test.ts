/** Cordoning, draining and removing over a real store; what whoever leads knows of the fleet is made up. */
import { ExecutorStatus, NodeStatus } from '@armada-ts/api/armada/operator/v1/fleet';
import { Control_Kind, Drain, ExecutorRecord } from '@armada-ts/api/armada/store/v1/store';
import { ArmadaError } from '@armada-ts/server/base/errors';
import {
  drainExecutor,
  drainNode,
  type EvacuateDeps,
  removeExecutor,
} from '@armada-ts/server/submit/evacuate';
import { cordonPlace, uncordonPlace } from '@armada-ts/server/submit/executor-settings';
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { admin, openSubmit } from './setup.ts';

const CORDON = { reason: 'new disks', drain: Drain.DRAIN_UNSPECIFIED };

/** The fleet: executor east with node n1, as the leader sees it now. */
async function open(test: TestContext, east: Partial<ExecutorStatus>) {
  const refuse = (code: 'EXECUTOR_NOT_FOUND' | 'NODE_NOT_FOUND') =>
    Promise.reject(new ArmadaError(code, 'no'));
  const view: EvacuateDeps['view'] = {
    executor: (name) =>
      name === 'east'
        ? Promise.resolve(ExecutorStatus.fromPartial({ ...east, name }))
        : refuse('EXECUTOR_NOT_FOUND'),
    node: ({ executorId, node }) =>
      executorId === 'east' && node === 'n1'
        ? Promise.resolve(NodeStatus.fromPartial({ name: node, runs: 2 }))
        : refuse('NODE_NOT_FOUND'),
  };
  return { ...(await openSubmit(test)), view };
}

async function settings(deps: EvacuateDeps) {
  const kept = await deps.store.read.executorSettings();
  return kept.map(({ executorId, node, cordoned, drain }) => ({ executorId, node, cordoned, drain }));
}

async function operations(deps: EvacuateDeps) {
  const { operations: open } = await deps.store.read.active('');
  return open
    .map(({ queue, filter, event }) => [queue, filter?.executorId, event?.event?.$case])
    .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
}

test('nodes and executors are cordoned apart, whether they were seen or not, until that is taken back', async (context) => {
  const deps = await open(context, {});
  await cordonPlace(deps, admin, { name: 'east' }, CORDON);
  await cordonPlace(deps, admin, { executor: 'east', name: 'n1' }, CORDON);
  await cordonPlace(deps, admin, { executor: 'west', name: 'n1' }, CORDON);
  const [first] = await deps.store.read.executorSettings();
  assert.deepEqual(
    [first?.setBy?.requestor, first?.setBy?.reason, first?.setBy?.atMs],
    ['root', 'new disks', deps.clock.now()],
  );
  await uncordonPlace(deps, { name: 'east' });
  await uncordonPlace(deps, { executor: 'west', name: 'n1' });
  await uncordonPlace(deps, { executor: 'nowhere', name: 'n1' });
  assert.deepEqual(await settings(deps), [
    { executorId: 'east', node: 'n1', cordoned: true, drain: Drain.DRAIN_UNSPECIFIED },
  ]);
});

test('a drain is a cordon that says so, and the newest word counts', async (context) => {
  const deps = await open(context, { runs: 7 });
  const request = { name: 'east', reason: 'old', letRunningFinish: false };
  assert.equal(await drainExecutor(deps, admin, request), 7);
  const drained = { executorId: 'east', node: '', cordoned: true };
  assert.deepEqual(await settings(deps), [{ ...drained, drain: Drain.DRAIN_ALL }]);
  await drainExecutor(deps, admin, { ...request, letRunningFinish: true });
  assert.deepEqual(await settings(deps), [{ ...drained, drain: Drain.DRAIN_NOT_RUNNING }]);
  await cordonPlace(deps, admin, { name: 'east' }, CORDON);
  assert.deepEqual(await settings(deps), [{ ...drained, drain: Drain.DRAIN_UNSPECIFIED }]);
  assert.equal(await drainNode(deps, admin, { ...request, executor: 'east', name: 'n1' }), 2);
  assert.deepEqual((await settings(deps)).at(-1), { ...drained, node: 'n1', drain: Drain.DRAIN_ALL });
});

test('what names nothing or gives no reason is refused, and changes nothing', async (context) => {
  const deps = await open(context, {});
  const drain = { executor: 'east', name: 'n1', reason: 'old', letRunningFinish: false };
  const fields = async (work: Promise<unknown>): Promise<string[]> => {
    const error = await work.then(
      () => assert.fail('it was taken'),
      (thrown: unknown) => thrown,
    );
    assert(error instanceof ArmadaError && error.code === 'INVALID_REQUEST');
    return error.faults.map(({ field }) => field);
  };
  assert.deepEqual(await fields(cordonPlace(deps, admin, { name: '' }, { ...CORDON, reason: '' })), [
    'name',
    'reason',
  ]);
  assert.deepEqual(await fields(drainNode(deps, admin, { ...drain, executor: 'a\nb', name: '' })), [
    'executor',
    'name',
  ]);
  assert.deepEqual(await fields(drainExecutor(deps, admin, { ...drain, reason: 'x'.repeat(1001) })), [
    'reason',
  ]);
  assert.deepEqual(await fields(uncordonPlace(deps, { executor: '', name: 'n1' })), ['executor']);
  assert.deepEqual(await fields(removeExecutor(deps, admin, { name: '', requeueJobs: true })), ['name']);
  await assert.rejects(drainExecutor(deps, admin, { ...drain, name: 'nowhere' }), {
    code: 'EXECUTOR_NOT_FOUND',
  });
  await assert.rejects(drainNode(deps, admin, { ...drain, name: 'n2' }), { code: 'NODE_NOT_FOUND' });
  await assert.rejects(removeExecutor(deps, admin, { name: 'nowhere', requeueJobs: true }), {
    code: 'EXECUTOR_NOT_FOUND',
  });
  assert.deepEqual(await settings(deps), []);
});

test('an executor that is alive, or has runs, is not removed', async (context) => {
  const alive = await open(context, { alive: true });
  await assert.rejects(removeExecutor(alive, admin, { name: 'east', requeueJobs: true }), {
    code: 'EXECUTOR_IN_USE',
    message: /is alive/,
  });
  const busy = await open(context, { runs: 3 });
  await assert.rejects(removeExecutor(busy, admin, { name: 'east', requeueJobs: false }), {
    code: 'EXECUTOR_IN_USE',
    message: /has 3 runs/,
  });
  assert.deepEqual(await operations(busy), []);
});

test('a removed executor leaves nothing: not its record, its runs or what was set for it', async (context) => {
  const deps = await open(context, { runs: 3 });
  const record = ExecutorRecord.encode(ExecutorRecord.create({ id: 'east' })).finish();
  await deps.store.control({ kind: Control_Kind.KIND_EXECUTOR, name: 'east', record });
  for (const place of [
    { name: 'east' },
    { executor: 'east', name: 'n1' },
    { executor: 'west', name: 'n1' },
  ]) {
    await cordonPlace(deps, admin, place, CORDON);
  }
  assert.equal(await removeExecutor(deps, admin, { name: 'east', requeueJobs: true }), 3);
  assert.deepEqual(await deps.store.read.executors(), []);
  assert.deepEqual(
    (await settings(deps)).map(({ executorId }) => executorId),
    ['west'],
  );
  const queues = (await deps.store.read.queues()).map(({ queue }) => queue.name);
  assert.deepEqual(
    await operations(deps),
    queues.map((queue) => [queue, 'east', 'jobRunErrors']),
  );
});

test('an executor without runs is removed with nothing to give up', async (context) => {
  const deps = await open(context, {});
  assert.equal(await removeExecutor(deps, admin, { name: 'east', requeueJobs: false }), 0);
  assert.deepEqual(await operations(deps), []);
});
