import { JobState } from '@armada-ts/api/api/job';
import { NodeSelector, Taint } from '@armada-ts/api/k8s/io/api/core/v1/core';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type World,
  createWorld,
  node,
  pass,
  queue,
  settle,
  show,
  stateOf,
  submit,
  submitMany,
} from './testing/world.ts';

function messageOf(world: World, id: string): string | undefined {
  const error = world.records.get(id)?.record.error?.reason;
  return error?.$case === 'jobRejected' ? error.value.message : undefined;
}

test('a job that fits on no node is rejected, with the reasons', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world, {
    nodes: [
      node('n1', { labels: new Map([['gpu', 'yes']]) }),
      node('n2', { labels: new Map([['gpu', 'yes']]), cpu: '6' }),
      node('n3'),
      node('n4', {
        labels: new Map([['gpu', 'yes']]),
        taints: [Taint.create({ key: 'team', value: 'x', effect: 'NoSchedule' })],
      }),
    ],
  });
  const large = submit(world, { cpu: 64 });
  const picky = submit(world, { cpu: 64, needs: { nodeSelector: new Map([['gpu', 'yes']]) } });
  const exotic = submit(world, { needs: { requests: new Map([['fpga', 1]]) } });
  const elsewhere = submit(world, {
    needs: { nodeSelector: new Map([['kubernetes.io/hostname', 'n9']]) },
  });
  const affine = submit(world, {
    needs: {
      requiredAffinity: NodeSelector.create({
        nodeSelectorTerms: [
          { matchExpressions: [{ key: 'gpu', operator: 'In', values: ['no'] }], matchFields: [] },
        ],
      }),
    },
  });
  await settle(world);
  const taint = '1 node with taint team=x:NoSchedule, which the job does not tolerate';
  assert.equal(
    messageOf(world, large),
    `The job fits on none of 4 nodes: ${taint}; it needs 64 cpu, the largest of 3 nodes offers 8`,
  );
  assert.equal(
    messageOf(world, picky),
    `The job fits on none of 4 nodes: ${taint}; 1 node without label gpu=yes; it needs 64 cpu, the largest of 2 nodes offers 8`,
  );
  assert.equal(
    messageOf(world, exotic),
    `The job fits on none of 4 nodes: ${taint}; it needs 1 fpga, which none of 3 nodes offers`,
  );
  assert.equal(
    messageOf(world, elsewhere),
    `The job fits on none of 4 nodes: 3 nodes other than "n9", which the node selector names; ${taint}`,
  );
  assert.equal(
    messageOf(world, affine),
    `The job fits on none of 4 nodes: 3 nodes not matching the required node affinity; ${taint}`,
  );
  assert.equal(stateOf(world, large), JobState.REJECTED);
});

test('a job that fits on a full, unschedulable or cordoned node waits', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world, { nodes: [node('n1', { unschedulable: true })] });
  show(world, { id: 'west', nodes: [node('n1', { cpu: '4' })] });
  const [first, second, third] = submitMany(world, 3, { cpu: 4 });
  const large = submit(world, { cpu: 8 });
  await settle(world);
  assert.equal(stateOf(world, first!), JobState.LEASED);
  for (const id of [second!, third!, large]) assert.equal(stateOf(world, id), JobState.QUEUED);
});

test('nobody is rejected while no executor is known, or too soon after the start', async () => {
  const world = createWorld({ rejectAfterMs: 10_000 });
  queue(world, 'q');
  const id = submit(world, { cpu: 64 });
  await pass(world, 60_000);
  assert.equal(stateOf(world, id), JobState.QUEUED);
  show(world);
  await settle(world);
  assert.equal(stateOf(world, id), JobState.REJECTED);

  const young = createWorld({ rejectAfterMs: 10_000 });
  queue(young, 'q');
  show(young);
  const early = submit(young, { cpu: 64 });
  await settle(young);
  assert.equal(stateOf(young, early), JobState.QUEUED);
  const nextMs = await settle(young);
  assert.ok(nextMs <= 10_000);
  await pass(young, 10_000);
  assert.equal(stateOf(young, early), JobState.REJECTED);
});

test('jobs of a cordoned queue wait unjudged', async () => {
  const world = createWorld();
  queue(world, 'q', { cordoned: true });
  show(world);
  const id = submit(world, { cpu: 64 });
  await settle(world);
  assert.equal(stateOf(world, id), JobState.QUEUED);
  queue(world, 'q');
  await settle(world);
  assert.equal(stateOf(world, id), JobState.REJECTED);
});

test('a waiting class is judged again when the only node it fits on is gone', async () => {
  const world = createWorld();
  queue(world, 'q');
  show(world, { nodes: [node('large', { cpu: '64', unschedulable: true }), node('n1')] });
  const ids = submitMany(world, 2_500, { cpu: 64 });
  await settle(world);
  assert.equal(stateOf(world, ids[0]!), JobState.QUEUED);
  show(world, { nodes: [node('n1')] });
  await settle(world);
  assert.ok(ids.every((id) => stateOf(world, id) === JobState.REJECTED));
});
