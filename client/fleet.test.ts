import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExecutorService, type ExecutorServer, type NodeServer } from '@armada-ts/api/api/control';
import { JobState } from '@armada-ts/api/api/job';
import { Queue } from '@armada-ts/api/api/queue';
import { connect, type Connection } from './connect.ts';
import {
  cancelOnExecutor,
  cordonExecutor,
  deleteExecutor,
  deleteExecutorSettings,
  preemptOnExecutor,
  uncordonExecutor,
} from './executors.ts';
import { preemptJobs } from './jobs.ts';
import { cancelOnNode, preemptOnNode } from './nodes.ts';
import { cancelOnQueue, preemptOnQueue, replaceQueue, updateQueue } from './queues.ts';
import { startFakeServer, type FakeMethods } from './testing/fake-server.ts';

type Answer = (call: { request: object }, callback: (error: null, answer: object) => void) => void;

/** Answers methods with nothing and notes name and request of each call. */
function noting<Name extends string>(seen: unknown[], ...names: Name[]): Record<Name, Answer> {
  const entries = names.map((name): [Name, Answer] => [
    name,
    ({ request }, callback) => {
      seen.push([name, withoutExtras(request)]);
      callback(null, {});
    },
  ]);
  return Object.fromEntries(entries) as Record<Name, Answer>;
}

function withoutExtras(request: object): object {
  return Object.fromEntries(Object.entries(request).filter(([key]) => key !== '_unknownFields'));
}

async function requestsOf(
  methods: (seen: unknown[]) => FakeMethods,
  act: (connection: Connection) => Promise<void>,
) {
  const seen: unknown[] = [];
  await using server = await startFakeServer(methods(seen));
  using connection = connect({ address: server.address });
  await act(connection);
  return seen;
}

test('executors are cordoned, uncordoned, emptied and deleted by one request each', async () => {
  const methods: (keyof ExecutorServer & string)[] = [
    'upsertExecutorSettings',
    'deleteExecutorSettings',
    'deleteExecutor',
    'preemptOnExecutor',
    'cancelOnExecutor',
  ];
  assert.deepEqual(methods.toSorted(), Object.keys(ExecutorService).toSorted());
  const seen = await requestsOf(
    (notes) => ({ executors: noting(notes, ...methods) }),
    async (connection) => {
      await cordonExecutor(connection, 'east', 'new disks');
      await uncordonExecutor(connection, 'east');
      await deleteExecutorSettings(connection, 'east');
      await deleteExecutor(connection, 'east');
      await preemptOnExecutor(connection, { name: 'east', queues: ['a'], pools: ['gpu'] });
      await cancelOnExecutor(connection, { name: 'east', queues: ['a', 'b'], priorityClasses: ['low'] });
    },
  );
  assert.deepEqual(seen, [
    ['upsertExecutorSettings', { name: 'east', cordoned: true, cordonReason: 'new disks' }],
    ['upsertExecutorSettings', { name: 'east', cordoned: false, cordonReason: '' }],
    ['deleteExecutorSettings', { name: 'east' }],
    ['deleteExecutor', { name: 'east' }],
    ['preemptOnExecutor', { name: 'east', queues: ['a'], priorityClasses: [], pools: ['gpu'] }],
    ['cancelOnExecutor', { name: 'east', queues: ['a', 'b'], priorityClasses: ['low'], pools: [] }],
  ]);
});

test('nodes are emptied by name and executor', async () => {
  const methods: (keyof NodeServer & string)[] = ['preemptOnNode', 'cancelOnNode'];
  const node = { name: 'n1', executor: 'east' };
  const seen = await requestsOf(
    (notes) => ({ nodes: noting(notes, ...methods) }),
    async (connection) => {
      await preemptOnNode(connection, { ...node, queues: ['a'], priorityClasses: ['low'] });
      await cancelOnNode(connection, { ...node, queues: ['a'] });
    },
  );
  assert.deepEqual(seen, [
    ['preemptOnNode', { ...node, queues: ['a'], priorityClasses: ['low'] }],
    ['cancelOnNode', { ...node, queues: ['a'], priorityClasses: [] }],
  ]);
});

test('queues are emptied, and told what is to change', async () => {
  const kept = { ...Queue.create(), name: 'a', priorityFactor: 3, groupOwners: ['g'], cordoned: true };
  const seen: unknown[] = [];
  await using server = await startFakeServer({
    queues: {
      ...noting(seen, 'preemptOnQueue', 'cancelOnQueue', 'updateQueue'),
      getQueue: (_, callback) => callback(null, kept),
    },
  });
  using connection = connect({ address: server.address });
  await preemptOnQueue(connection, { name: 'a', pools: ['gpu'] });
  await cancelOnQueue(connection, { name: 'a', states: [JobState.QUEUED], priorityClasses: ['low'] });
  const updated = await updateQueue(connection, 'a', { priorityFactor: 5 });
  await replaceQueue(connection, { name: 'a', userOwners: ['u'] });
  assert.deepEqual(withoutExtras(updated), withoutExtras({ ...kept, priorityFactor: 5 }));
  assert.deepEqual(seen, [
    ['preemptOnQueue', { name: 'a', priorityClasses: [], pools: ['gpu'] }],
    ['cancelOnQueue', { name: 'a', jobStates: [JobState.QUEUED], priorityClasses: ['low'], pools: [] }],
    ['updateQueue', withoutExtras({ ...kept, priorityFactor: 5 })],
    ['updateQueue', withoutExtras({ ...Queue.create(), name: 'a', priorityFactor: 1, userOwners: ['u'] })],
  ]);
});

test('preemptJobs() gives the reasons of those that cannot be', async () => {
  const requests: unknown[] = [];
  await using server = await startFakeServer({
    submit: {
      preemptJobs: (call, callback) => {
        requests.push(withoutExtras(call.request));
        callback(null, {
          preemptionResults: new Map([
            ['j1', ''],
            ['j2', 'is not running'],
          ]),
        });
      },
    },
  });
  using connection = connect({ address: server.address });
  const selection = { queue: 'a', jobSetId: 's', jobIds: ['j1', 'j2'], reason: 'room' };
  assert.deepEqual(await preemptJobs(connection, selection), new Map([['j2', 'is not running']]));
  assert.deepEqual(requests, [selection]);
});
