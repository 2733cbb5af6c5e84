import {
  ExecutorCancelRequest,
  ExecutorSettingsUpsertRequest,
  NodeCancelRequest,
} from '@armada-ts/api/api/control';
import { JobState } from '@armada-ts/api/api/job';
import { QueueCancelRequest, QueuePreemptRequest } from '@armada-ts/api/api/queue';
import { Control_Kind, ExecutorRecord, type Operation } from '@armada-ts/api/armada/store/v1/store';
import type { SubmitDeps } from '@armada-ts/server/submit/deps';
import { forgetExecutorSettings, setExecutor } from '@armada-ts/server/submit/executor-settings';
import {
  cancelOnExecutor,
  cancelOnNode,
  cancelOnQueue,
  deleteExecutor,
  preemptOnExecutor,
  preemptOnNode,
  preemptOnQueue,
} from '@armada-ts/server/submit/fleet';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, ann, openSubmit } from './setup.ts';

const onQueue = (parts: Parameters<typeof QueueCancelRequest.create>[0]) =>
  QueueCancelRequest.create({ name: 'a', jobStates: [JobState.QUEUED], ...parts });
const onExecutor = (parts: Parameters<typeof ExecutorCancelRequest.create>[0]) =>
  ExecutorCancelRequest.create({ name: 'east', queues: ['a', 'b'], ...parts });
const onNode = (parts: Parameters<typeof NodeCancelRequest.create>[0]) =>
  NodeCancelRequest.create({ name: 'n1', executor: 'east', queues: ['a'], ...parts });

async function operations(deps: SubmitDeps): Promise<Operation[]> {
  return (await deps.store.read.active('')).operations;
}

async function refused(work: Promise<unknown>, ...fields: string[]): Promise<void> {
  await assert.rejects(work, (error: { code: string; faults: { field: string }[] }) => {
    assert.equal(error.code, 'INVALID_REQUEST');
    assert.deepEqual(
      error.faults.map(({ field }) => field),
      fields,
    );
    return true;
  });
}

test('an operation on a queue is kept as one request that says which jobs', async (context) => {
  const deps = await openSubmit(context);
  const filter = { priorityClasses: ['armada-default'], pools: ['gpu'] };
  await cancelOnQueue(deps, admin, onQueue({ ...filter, jobStates: [JobState.LEASED, JobState.QUEUED] }));
  const [cancel] = await operations(deps);
  assert.deepEqual([cancel?.queue, cancel?.jobSet, cancel?.requestor], ['a', '', 'root']);
  assert.equal(cancel?.event?.event?.$case, 'cancelJob');
  assert.deepEqual(cancel?.filter?.states, [JobState.LEASED, JobState.QUEUED]);
  assert.deepEqual(cancel?.filter?.priorityClasses, ['armada-default']);
  assert.deepEqual(cancel?.filter?.pools, ['gpu']);
  assert.deepEqual([cancel?.filter?.executorId, cancel?.filter?.node], ['', '']);
  await preemptOnQueue(deps, admin, QueuePreemptRequest.create({ name: 'b' }));
  const preempt = (await operations(deps)).find(({ queue }) => queue === 'b');
  assert.equal(preempt?.event?.event?.$case, 'jobPreemptionRequested');
});

test('an operation on an executor or node is one request for each queue it names', async (context) => {
  const deps = await openSubmit(context);
  await cancelOnExecutor(deps, admin, onExecutor({ queues: ['a', 'b', 'a'] }));
  const opened = await operations(deps);
  assert.deepEqual(opened.map(({ queue }) => queue).sort(), ['a', 'b']);
  assert.ok(opened.every(({ filter }) => filter?.executorId === 'east' && filter.node === ''));
  await preemptOnNode(deps, admin, onNode({ priorityClasses: ['armada-preemptible'] }));
  const onOneNode = (await operations(deps)).find(({ filter }) => filter?.node === 'n1');
  assert.deepEqual([onOneNode?.queue, onOneNode?.filter?.executorId], ['a', 'east']);
  assert.deepEqual(onOneNode?.filter?.priorityClasses, ['armada-preemptible']);
});

test('no queues and no states select nothing', async (context) => {
  const deps = await openSubmit(context);
  await cancelOnQueue(deps, admin, onQueue({ jobStates: [] }));
  for (const ask of [cancelOnExecutor, preemptOnExecutor]) await ask(deps, admin, onExecutor({ queues: [] }));
  for (const ask of [cancelOnNode, preemptOnNode]) await ask(deps, admin, onNode({ queues: [] }));
  assert.deepEqual(await operations(deps), []);
});

test('what names nothing is refused, by field, and changes nothing', async (context) => {
  const deps = await openSubmit(context);
  const odd = { priorityClasses: ['armada-default', 'typo'], pools: ['', 'gpu'] };
  const states = [JobState.QUEUED, JobState.SUCCEEDED, 77 as JobState];
  await refused(
    cancelOnQueue(deps, admin, onQueue({ name: '', ...odd, jobStates: states })),
    'jobStates[1]',
    'jobStates[2]',
    'name',
    'priorityClasses[1]',
    'pools[0]',
  );
  await refused(preemptOnQueue(deps, admin, QueuePreemptRequest.create({ name: 'a b' })), 'name');
  await assert.rejects(cancelOnQueue(deps, admin, onQueue({ name: 'nowhere' })), { code: 'QUEUE_NOT_FOUND' });
  for (const ask of [cancelOnExecutor, preemptOnExecutor]) {
    await refused(
      ask(deps, admin, onExecutor({ name: '', queues: ['a', 'nowhere', '../x'], ...odd })),
      'name',
      'priorityClasses[1]',
      'pools[0]',
      'queues[1]',
      'queues[2]',
    );
  }
  for (const ask of [cancelOnNode, preemptOnNode]) {
    await refused(ask(deps, admin, onNode({ name: 'x'.repeat(254), executor: '\n' })), 'name', 'executor');
  }
  await refused(deleteExecutor(deps, admin, { name: '' }), 'name');
  assert.deepEqual(await operations(deps), []);
});

test('whoever owns a queue may not operate on the fleet', async (context) => {
  const deps = await openSubmit(context);
  const asked = [
    cancelOnQueue(deps, ann, onQueue({})),
    preemptOnQueue(deps, ann, QueuePreemptRequest.create({ name: 'a' })),
    cancelOnExecutor(deps, ann, onExecutor({ queues: ['a'] })),
    preemptOnExecutor(deps, ann, onExecutor({ queues: ['a'] })),
    cancelOnNode(deps, ann, onNode({})),
    preemptOnNode(deps, ann, onNode({})),
    deleteExecutor(deps, ann, { name: 'east' }),
    setExecutor(deps, ann, { name: 'east', cordoned: true, cordonReason: 'dust' }),
    forgetExecutorSettings(deps, ann, { name: 'east' }),
  ];
  for (const each of asked) await assert.rejects(each, { code: 'PERMISSION_DENIED' });
  assert.deepEqual(await operations(deps), []);
  assert.deepEqual(await deps.store.read.executorSettings(), []);
});

test('deleting an executor drops its record, keeps its settings and gives up its runs in every queue', async (context) => {
  const deps = await openSubmit(context);
  const record = ExecutorRecord.encode(ExecutorRecord.fromPartial({ id: 'east' })).finish();
  await deps.store.control({ kind: Control_Kind.KIND_EXECUTOR, name: 'east', record });
  await setExecutor(deps, admin, { name: 'east', cordoned: true, cordonReason: 'dust' });
  await deleteExecutor(deps, admin, { name: 'east' });
  assert.deepEqual(await deps.store.read.executors(), []);
  assert.equal((await deps.store.read.executorSettings()).length, 1);
  const opened = await operations(deps);
  assert.deepEqual(opened.map(({ queue }) => queue).sort(), ['a', 'b', 'queue']);
  for (const { event, filter } of opened) {
    assert.equal(event?.event?.$case, 'jobRunErrors');
    assert.equal(filter?.executorId, 'east');
  }
});

test('settings of an executor say who cordoned it, when and why, until they are forgotten', async (context) => {
  const deps = await openSubmit(context);
  await setExecutor(deps, admin, { name: 'never-seen', cordoned: true, cordonReason: 'dust' });
  const [settings] = await deps.store.read.executorSettings();
  assert.deepEqual([settings?.executorId, settings?.cordoned], ['never-seen', true]);
  const { requestor, reason, atMs } = settings!.setBy!;
  assert.deepEqual([requestor, reason], ['root', 'dust']);
  assert.ok(atMs > 0 && atMs <= deps.clock.now());
  await setExecutor(deps, admin, { name: 'never-seen', cordoned: false, cordonReason: '' });
  assert.deepEqual(
    (await deps.store.read.executorSettings()).map(({ cordoned }) => cordoned),
    [false],
  );
  await forgetExecutorSettings(deps, admin, { name: 'never-seen' });
  await forgetExecutorSettings(deps, admin, { name: 'never-seen' });
  assert.deepEqual(await deps.store.read.executorSettings(), []);
});

test('settings without a name, and a cordon without a reason, are refused', async (context) => {
  const deps = await openSubmit(context);
  const set = (parts: Partial<ExecutorSettingsUpsertRequest>) =>
    setExecutor(deps, admin, { name: 'east', cordoned: true, cordonReason: 'dust', ...parts });
  await refused(set({ name: '', cordonReason: '' }), 'name', 'cordonReason');
  await refused(set({ cordonReason: 'a\u0000b' }), 'cordonReason');
  await refused(set({ cordonReason: 'x'.repeat(1001) }), 'cordonReason');
  await refused(forgetExecutorSettings(deps, admin, { name: '' }), 'name');
  assert.deepEqual(await deps.store.read.executorSettings(), []);
});
