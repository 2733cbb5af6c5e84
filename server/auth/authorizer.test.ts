import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Queue } from '@armada-ts/api/api/queue';
import fc from 'fast-check';
import { QUEUE_VERBS } from '../model/queue.ts';
import { createAuthorizer } from './authorizer.ts';
import { authSchema, standaloneAuth } from './config.ts';
import { PERMISSIONS, PERMISSION_OF_VERB } from './permissions.ts';
import type { Principal } from './principal.ts';

const principal = (more: Partial<Principal> = {}): Principal => ({
  name: 'ann',
  groups: [],
  scopes: [],
  scheme: 'test',
  ...more,
});
const queue = (more: Partial<Queue> = {}): Queue => ({
  ...Queue.create({ name: 'q', priorityFactor: 1 }),
  ...more,
});
const grant = (kind: string, name: string, verbs: string[]) => ({ subjects: [{ kind, name }], verbs });

test('a permission comes by group, by scope or for everyone, and by nothing else', () => {
  const authorizer = createAuthorizer({
    permissionGroupMapping: { create_queue: ['admins'], delete_queue: ['everyone'] },
    permissionScopeMapping: { cordon_queue: ['ops'] },
  });
  const table: [Partial<Principal>, string[]][] = [
    [{}, ['delete_queue']],
    [{ groups: ['admins'] }, ['create_queue', 'delete_queue']],
    [{ scopes: ['ops'] }, ['delete_queue', 'cordon_queue']],
    [{ name: 'admins', groups: ['ops'], scopes: ['admins'] }, ['delete_queue']],
  ];
  for (const [who, expected] of table) {
    assert.deepEqual(
      PERMISSIONS.filter((permission) => authorizer.may(principal(who), permission)),
      expected,
    );
  }
  assert.throws(() => authorizer.demand(principal(), 'create_queue'), {
    code: 'PERMISSION_DENIED',
    message: 'user "ann" lacks the permission create_queue',
  });
  authorizer.demand(principal(), 'delete_queue');
});

test('a permission comes by the value of a claim, not by its being there', () => {
  const authorizer = createAuthorizer({
    permissionGroupMapping: {},
    permissionScopeMapping: {},
    permissionClaimMapping: { cordon_queue: { role: ['lead', 'head'] }, create_queue: { role: ['head'] } },
  });
  const table: [Map<string, string[]> | undefined, string[]][] = [
    [undefined, []],
    [new Map([['role', []]]), []],
    [new Map([['role', ['leader']]]), []],
    [new Map([['other', ['lead']]]), []],
    [new Map([['role', ['x', 'lead']]]), ['cordon_queue']],
    [new Map([['role', ['head']]]), ['create_queue', 'cordon_queue']],
  ];
  for (const [claims, expected] of table) {
    const allowed = PERMISSIONS.filter((one) => authorizer.may(principal(claims && { claims }), one));
    assert.deepEqual(allowed, expected);
  }
});

test('a verb on a queue comes by subject or by ownership', () => {
  const authorizer = createAuthorizer({ permissionGroupMapping: {}, permissionScopeMapping: {} });
  const table: [Partial<Queue>, Partial<Principal>, string[]][] = [
    [{}, {}, []],
    [{ permissions: [grant('User', 'ann', ['submit', 'watch'])] }, {}, ['submit', 'watch']],
    [{ permissions: [grant('User', 'ann', ['Submit', 'fly'])] }, {}, []],
    [{ permissions: [grant('Group', 'ann', ['submit'])] }, {}, []],
    [{ permissions: [grant('User', 'team', ['submit'])] }, { groups: ['team'] }, []],
    [{ permissions: [grant('Group', 'team', ['cancel'])] }, { groups: ['team'] }, ['cancel']],
    [{ permissions: [grant('Group', 'everyone', ['watch'])] }, {}, ['watch']],
    [{ permissions: [grant('User', 'everyone', ['watch'])] }, {}, []],
    [{ permissions: [grant('user', 'ann', ['submit'])] }, {}, []],
    [{ userOwners: ['ann'] }, {}, [...QUEUE_VERBS]],
    [{ groupOwners: ['team'] }, { groups: ['team'] }, [...QUEUE_VERBS]],
    [{ userOwners: ['bob'], groupOwners: ['team'] }, {}, []],
  ];
  for (const [onQueue, who, expected] of table) {
    const allowed = QUEUE_VERBS.filter((verb) => authorizer.mayOnQueue(principal(who), queue(onQueue), verb));
    assert.deepEqual(allowed, expected, JSON.stringify([onQueue, who]));
  }
  assert.throws(() => authorizer.demandOnQueue(principal(), queue(), 'cancel'), {
    code: 'PERMISSION_DENIED',
    message: /user "ann" may not cancel on queue "q".*cancel_any_jobs/,
  });
});

test('a global permission allows exactly its verb, on any queue', () => {
  fc.assert(
    fc.property(fc.subarray([...PERMISSIONS]), (granted) => {
      const authorizer = createAuthorizer({
        permissionGroupMapping: Object.fromEntries(granted.map((permission) => [permission, ['g']])),
        permissionScopeMapping: {},
      });
      for (const verb of QUEUE_VERBS) {
        assert.equal(
          authorizer.mayOnQueue(principal({ groups: ['g'] }), queue(), verb),
          granted.includes(PERMISSION_OF_VERB[verb]),
        );
        assert.equal(authorizer.mayOnQueue(principal(), queue(), verb), false);
      }
    }),
  );
});

test('the standalone configuration allows everything to everyone; an empty one is refused', () => {
  const config = authSchema.parse(standaloneAuth);
  const authorizer = createAuthorizer(config);
  assert.deepEqual(
    PERMISSIONS.filter((permission) => !authorizer.may(principal(), permission)),
    [],
  );
  assert.equal(authSchema.safeParse({}).success, false);
  assert.equal(authSchema.safeParse({ schemes: [] }).success, false);
  assert.equal(
    authSchema.safeParse({ schemes: ['basic'], permissionGroupMapping: { fly: ['x'] } }).success,
    false,
  );
  assert.equal(
    authSchema.safeParse({ schemes: ['basic'], basic: { users: { a: { password: 'plain' } } } }).success,
    false,
  );
});
