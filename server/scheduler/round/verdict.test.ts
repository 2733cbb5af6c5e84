import { SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClasses, ensureClass, reconcile } from './classes.ts';
import { charge, createNodes, nodeKey, putNode } from './nodes.ts';
import { explainNever, findCapable, isCapable } from './verdict.ts';

function fleet() {
  const nodes = createNodes();
  const classes = createClasses();
  const add = (name: string, capacity: [string, number][], isGone = false): number =>
    putNode(nodes, {
      executorId: 'east',
      name,
      pool: 'default',
      labels: new Map([['kubernetes.io/hostname', name]]),
      taints: [],
      capacity: new Map(capacity),
      isGone,
    });
  const classOf = (requests: [string, number][], avoided: string[] = []) => {
    const source = SchedulingClass.create({ id: JSON.stringify(requests), requests: new Map(requests) });
    return ensureClass(classes, nodes, { source, avoided, priority: 1 });
  };
  return { nodes, classes, add, classOf };
}

test('findCapable() looks at what nodes offer, not at what is free', () => {
  const { nodes, classes, add, classOf } = fleet();
  const full = add('n1', [['cpu', 4_000]]);
  const job = classOf([['cpu', 4_000]]);
  charge(nodes, full, 0, job.request);
  reconcile(classes, nodes);
  assert.equal(findCapable(job, nodes), full);
  assert.equal(findCapable(classOf([['cpu', 4_001]]), nodes), -1);
});

test('findCapable() passes over nodes that are gone and nodes to avoid', () => {
  const { nodes, classes, add, classOf } = fleet();
  const gone = add('n1', [['cpu', 4_000]], true);
  const known = add('n2', [['cpu', 4_000]]);
  reconcile(classes, nodes);
  const job = classOf([['cpu', 1_000]]);
  assert.equal(isCapable(job, nodes, gone), false);
  assert.equal(findCapable(job, nodes), known);
  const avoiding = classOf([['cpu', 1_000]], [nodeKey('east', 'n2')]);
  assert.equal(findCapable(avoiding, nodes), -1);
  assert.equal(
    explainNever(avoiding, nodes),
    'The job fits on none of 1 node: 1 node where the job was tried before',
  );
});

test('a resource that is offered for the first time makes a class possible', () => {
  const { nodes, classes, add, classOf } = fleet();
  add('n1', [['cpu', 4_000]]);
  const job = classOf([['example.com/licence', 1]]);
  reconcile(classes, nodes);
  assert.equal(findCapable(job, nodes), -1);
  const offering = add('n2', [
    ['cpu', 1_000],
    ['example.com/licence', 2],
  ]);
  reconcile(classes, nodes);
  assert.equal(findCapable(job, nodes), offering);
});

test('explainNever() names amounts as people write them', () => {
  const { nodes, classes, add, classOf } = fleet();
  add('n1', [['memory', 2 ** 30]]);
  const job = classOf([['memory', 3 * 2 ** 30]]);
  reconcile(classes, nodes);
  assert.equal(
    explainNever(job, nodes),
    'The job fits on none of 1 node: it needs 3Gi memory, the largest of 1 node offers 1Gi',
  );
});
