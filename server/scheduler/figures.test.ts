import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_QUEUES } from './tally.ts';
import {
  cordon,
  createWorld,
  node,
  queue,
  runOf,
  settle,
  show,
  submit,
  submitMany,
  write,
} from './testing/world.ts';

test('what waits, what runs and what there is, is told in figures', async () => {
  const world = createWorld();
  queue(world, 'q', { priorityFactor: 2 });
  queue(world, 'r');
  show(world, { nodes: [node('n1', { cpu: '4' }), node('n2', { cpu: '4' })] });
  show(world, { id: 'west', nodes: [node('w1', { cpu: '2' })] });
  await settle(world);
  // Six cores of ten are taken, and of what waits nothing fits.
  const [first = ''] = submitMany(world, 2, { cpu: 3 });
  await settle(world);
  submitMany(world, 3, { queue: 'r', cpu: 3 });
  submit(world, { queue: 'r', cpu: 4 });
  await settle(world);
  world.nowMs += 20_000;
  cordon(world, 'west', true);
  const figures = world.scheduler.measure();

  assert.equal(figures.jobs, 6);
  assert.equal(figures.inFlight, 0);
  const queues = figures.queues.map(({ name, priorityFactor, classes, queuedSeconds }) => {
    const count = queuedSeconds.counts.reduce((sum, one) => sum + one, 0);
    return { name, priorityFactor, classes, count, seconds: Math.round(queuedSeconds.sum) };
  });
  assert.deepEqual(queues, [
    { name: 'q', priorityFactor: 2, classes: 0, count: 0, seconds: 0 },
    { name: 'r', priorityFactor: 1, classes: 2, count: 4, seconds: 80 },
  ]);
  assert.deepEqual(
    figures.waiting.map(({ queue: name, jobs, requests }) => [name, jobs, requests.get('cpu')]),
    [['r', 4, 13_000]],
  );
  const running = figures.running.map(({ executor, pool, queue: name, runs, requests }) => {
    return { executor, pool, name, runs, cpu: requests.get('cpu') };
  });
  assert.deepEqual(running, [{ executor: 'east', pool: 'default', name: 'q', runs: 2, cpu: 6000 }]);
  const clusters = figures.clusters.map(({ executor, isCordoned, nodes, capacity, available }) => {
    return { executor, isCordoned, nodes, cpu: capacity.get('cpu'), free: available.get('cpu') };
  });
  assert.deepEqual(clusters, [
    { executor: 'east', isCordoned: false, nodes: 2, cpu: 8000, free: 8000 },
    { executor: 'west', isCordoned: true, nodes: 1, cpu: 2000, free: undefined },
  ]);
  const [pool] = figures.pools;
  assert.equal(pool?.nodes, 2);
  const shares = pool?.shares.map((one) => [one.queue, one.actual, one.demand, one.fair]);
  assert.deepEqual(shares, [
    ['q', 0.6, 0.6, 1 / 3],
    ['r', 0, 1.3, 2 / 3],
  ]);
  assert.deepEqual(figures.tally.scheduled, new Map([['q', new Map([['', 2]])]]));

  const runId = runOf(world, first)?.runId ?? '';
  write(world, first, { $case: 'jobRunSucceeded', value: { jobId: first, runId, resourceInfos: [] } });
  await settle(world);
  assert.equal(world.scheduler.measure().running[0]?.runs, 1);
});

test('of very many queues those that came first are told apart', async () => {
  const world = createWorld();
  for (let index = 0; index < MAX_QUEUES + 3; index++) submit(world, { queue: `queue-${index}` });
  await settle(world);
  const { queues } = world.scheduler.measure();
  assert.equal(queues.length, MAX_QUEUES + 1);
  const last = queues.at(-1);
  assert.equal(last?.name, '_other');
  assert.equal(
    last.queuedSeconds.counts.reduce((sum, one) => sum + one, 0),
    3,
  );
});
