import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Queue } from '@armada-ts/api/api/queue';
import { foldOwners, ownedQueue, queueFaults } from './queue.ts';

const queue = (more: Partial<Queue> = {}): Queue => ({
  ...Queue.create({ name: 'a', priorityFactor: 1 }),
  ...more,
});
const limits = (fraction: number) => new Map([['cpu', fraction]]);

test('queueFaults() accepts a plain queue and names each field that is wrong', () => {
  assert.deepEqual(queueFaults(queue()), []);
  const subject = (kind: string, name = 'x') => ({ subjects: [{ kind, name }], verbs: ['submit'] });
  const cases: [Partial<Queue>, string][] = [
    [{ name: '' }, 'name'],
    [{ name: 'a b' }, 'name'],
    [{ priorityFactor: 0.5 }, 'priority_factor'],
    [{ priorityFactor: Number.NaN }, 'priority_factor'],
    [{ priorityFactor: Number.POSITIVE_INFINITY }, 'priority_factor'],
    [{ userOwners: ['x', ''] }, 'user_owners[1]'],
    [{ groupOwners: ['a\nb'] }, 'group_owners[0]'],
    [{ permissions: [subject('user')] }, 'permissions[0].subjects[0].kind'],
    [{ permissions: [subject('User'), subject('Group', '')] }, 'permissions[1].subjects[0].name'],
    [{ permissions: [{ subjects: [], verbs: ['submit', ''] }] }, 'permissions[0].verbs[1]'],
    [{ labels: new Map([['', 'x']]) }, 'labels[]'],
    [{ labels: new Map([['x', '']]) }, 'labels[x]'],
    [{ resourceLimits: limits(-1) }, 'resource_limits[cpu]'],
    [
      {
        resourceLimitsByPriorityClassName: new Map([
          ['c', { maximumResourceFraction: limits(Number.NaN), maximumResourceFractionByPool: new Map() }],
        ]),
      },
      'resource_limits_by_priority_class_name[c].maximum_resource_fraction[cpu]',
    ],
    [{ retryPolicies: ['p'] }, 'retry_policies[0]'],
  ];
  for (const [more, field] of cases) {
    assert.deepEqual(
      queueFaults(queue(more)).map((fault) => fault.field),
      [field],
    );
  }
});

test('foldOwners() turns owners into an entry with every verb', () => {
  const kept = { subjects: [{ kind: 'Group', name: 'ops' }], verbs: ['cancel'] };
  const folded = foldOwners(queue({ userOwners: ['ann'], groupOwners: ['team'], permissions: [kept] }));
  assert.deepEqual(folded.userOwners, []);
  assert.deepEqual(folded.groupOwners, []);
  assert.deepEqual(folded.permissions, [
    {
      subjects: [
        { kind: 'User', name: 'ann' },
        { kind: 'Group', name: 'team' },
      ],
      verbs: ['submit', 'cancel', 'preempt', 'reprioritize', 'watch'],
    },
    kept,
  ]);
});

test('ownedQueue() gives a queue without any owner to its creator, and only then', () => {
  const subjectsOf = (one: Queue) =>
    one.permissions.flatMap((entry) => entry.subjects.map((subject) => subject.name));
  assert.deepEqual(subjectsOf(ownedQueue(queue(), 'ann')), ['ann']);
  assert.deepEqual(subjectsOf(ownedQueue(queue({ groupOwners: ['team'] }), 'ann')), ['team']);
  const permissions = [{ subjects: [{ kind: 'User', name: 'bob' }], verbs: ['watch'] }];
  assert.deepEqual(subjectsOf(ownedQueue(queue({ permissions }), 'ann')), ['bob']);
});
