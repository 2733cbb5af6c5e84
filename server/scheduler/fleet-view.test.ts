/** What people are told of executors and nodes. */
import type {
  ExecutorStatus,
  ListNodesResponse,
  ListExecutorsResponse,
} from '@armada-ts/api/armada/operator/v1/fleet';
import { Drain } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestampOf } from '../model/instant.ts';
import {
  createWorld,
  dismiss,
  EPOCH_MS,
  node,
  pass,
  queue,
  runOf,
  set,
  settle,
  show,
  submit,
  submitMany,
  unset,
  type World,
  write,
} from './testing/world.ts';

function executors(world: World, name = '', more = { pageSize: 0, pageToken: '' }): ListExecutorsResponse {
  const { answer } = world.scheduler.viewFleet({
    question: { $case: 'executors', value: { name, ...more } },
  });
  assert(answer?.$case === 'executors');
  return answer.value;
}

function nodes(
  world: World,
  question: { executor?: string; name?: string; pageSize?: number; pageToken?: string } = {},
): ListNodesResponse {
  const value = { executor: '', name: '', pageSize: 0, pageToken: '', ...question };
  const { answer } = world.scheduler.viewFleet({ question: { $case: 'nodes', value } });
  assert(answer?.$case === 'nodes');
  return answer.value;
}

function executor(world: World, name: string): ExecutorStatus {
  const [found] = executors(world, name).executors;
  assert.ok(found, name);
  return found;
}

const entries = (map: ReadonlyMap<string, string>): Record<string, string> => Object.fromEntries(map);

test('an executor is told with its pools, nodes, runs, capacity and use', async () => {
  const world = createWorld();
  queue(world, 'q');
  world.nowMs = 1_000;
  show(world, { nodes: [node('n1'), node('n2', { pool: 'gpu', cpu: '4' })] });
  submit(world, { cpu: 1.5 });
  await settle(world);
  const east = executor(world, 'east');
  assert.deepEqual(
    { ...east, capacity: entries(east.capacity), used: entries(east.used) },
    {
      name: 'east',
      pools: ['default', 'gpu'],
      lastSeen: timestampOf(EPOCH_MS + 1_000),
      lost: false,
      alive: true,
      cordon: undefined,
      nodes: 2,
      runs: 1,
      stoppingRuns: 0,
      capacity: { cpu: '12', memory: '32Gi' },
      used: { cpu: '1500m' },
    },
  );
});

test('a run that is stopping is counted apart until it is gone', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  const id = submit(world, { cpu: 2 });
  await settle(world);
  const { runId } = runOf(world, id)!;
  show(world, { runs: [runId] });
  write(world, id, { $case: 'cancelJob', value: { jobId: id, reason: '' } });
  await settle(world);
  const [n1] = nodes(world).nodes;
  assert.deepEqual([n1?.runs, n1?.stoppingRuns, n1 && entries(n1.used)], [0, 1, { cpu: '2' }]);
  show(world);
  const [empty] = nodes(world).nodes;
  assert.deepEqual([empty?.runs, empty?.stoppingRuns, empty?.used.size], [0, 0, 0]);
});

test('a cordon is told with who set it, when and why, and whether it drains', async () => {
  const world = createWorld();
  show(world);
  set(world, { executorId: 'east', node: 'n1', drain: Drain.DRAIN_NOT_RUNNING });
  set(world, { executorId: 'east' });
  const told = { reason: 'new disks', by: 'olga', at: timestampOf(EPOCH_MS) };
  assert.deepEqual(executor(world, 'east').cordon, { ...told, draining: false, letRunningFinish: false });
  const [n1] = nodes(world, { executor: 'east', name: 'n1' }).nodes;
  assert.deepEqual(n1?.cordon, { ...told, draining: true, letRunningFinish: true });
  unset(world, { executorId: 'east', node: '' });
  assert.equal(executor(world, 'east').cordon, undefined);
  assert.ok(nodes(world).nodes[0]?.cordon);
});

test('what is set for places that nobody has seen is told of too', () => {
  const world = createWorld();
  set(world, { executorId: 'west' });
  set(world, { executorId: 'north', node: 'n9' });
  assert.deepEqual(
    executors(world).executors.map(({ name, lastSeen, alive }) => ({ name, lastSeen, alive })),
    [
      { name: 'north', lastSeen: undefined, alive: false },
      { name: 'west', lastSeen: undefined, alive: false },
    ],
  );
  const [n9] = nodes(world).nodes;
  assert.deepEqual([n9?.name, n9?.executor, n9?.pool, n9?.lastSeen], ['n9', 'north', '', undefined]);
});

test('an executor that is silent is told of as it is, with when it was last seen', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  submit(world);
  await settle(world);
  await pass(world, 5 * 60_000);
  assert.deepEqual([executor(world, 'east').alive, executor(world, 'east').lost], [false, false]);
  await pass(world, 6 * 60_000);
  const { alive, lost, lastSeen } = executor(world, 'east');
  assert.deepEqual([alive, lost, lastSeen], [false, true, timestampOf(EPOCH_MS)]);
});

test('long lists come in pages, each thing once, in order', () => {
  const world = createWorld();
  for (const id of ['east', 'west']) {
    show(world, { id, nodes: Array.from({ length: 7 }, (_, i) => node(`n${i}`)) });
  }
  const seen: string[] = [];
  let pageToken = '';
  do {
    const page = nodes(world, { pageSize: 4, pageToken });
    assert.ok(page.nodes.length <= 4);
    seen.push(...page.nodes.map((one) => `${one.executor}/${one.name}`));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  assert.equal(seen.length, 14);
  assert.deepEqual(seen, [...new Set(seen)].toSorted());
  assert.deepEqual(
    nodes(world, { executor: 'west' }).nodes.map(({ name }) => name),
    ['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6'],
  );
  assert.equal(nodes(world, { name: 'n3' }).nodes.length, 2);
  assert.equal(executors(world, 'nobody').executors.length, 0);
});

test('a page has no more than a thousand', () => {
  const world = createWorld();
  show(world, { nodes: Array.from({ length: 1_200 }, (_, i) => node(`n${i}`)) });
  assert.equal(nodes(world).nodes.length, 500);
  assert.equal(nodes(world, { pageSize: 100_000 }).nodes.length, 1_000);
});

test('a removed executor is not listed once nothing of it is left', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world);
  const [id = ''] = submitMany(world, 1);
  await settle(world);
  await pass(world, 70_000);
  dismiss(world, 'east');
  assert.equal(executor(world, 'east').runs, 1);
  write(world, id, { $case: 'cancelJob', value: { jobId: id, reason: '' } });
  await pass(world, 70_000);
  assert.equal(executors(world).executors.length, 0);
});
