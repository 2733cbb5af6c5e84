import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthorizer, withOperators } from './authorizer.ts';
import { executorBindingsSchema, isBoundTo } from './executor-bindings.ts';
import type { Principal } from './principal.ts';

const principal = (name: string, ...groups: string[]): Principal => ({
  name,
  groups,
  scopes: [],
  scheme: 'test',
});

const bindings = executorBindingsSchema.parse([
  { users: ['east'], executors: ['east-1', 'east-2'] },
  { groups: ['fleet'], executors: ['west-*'] },
]);

test('isBoundTo() goes by the bindings that name somebody, and else by their own name', () => {
  const table: [Principal, string, boolean][] = [
    [principal('east'), 'east-1', true],
    [principal('east'), 'east-3', false],
    [principal('east'), 'east', false],
    [principal('east', 'fleet'), 'east-2', true],
    [principal('east', 'fleet'), 'west-9', true],
    [principal('any', 'fleet'), 'west-9', true],
    [principal('any', 'fleet'), 'any', false],
    [principal('lone'), 'lone', true],
    [principal('lone'), 'east-1', false],
    [principal('fleet'), 'west-1', false],
  ];
  for (const [who, executorId, expected] of table) {
    assert.equal(isBoundTo(bindings, who, executorId), expected, `${who.name} as ${executorId}`);
  }
  assert.ok(!isBoundTo([], principal('lone'), 'other'));
  assert.ok(isBoundTo(undefined, principal('lone'), 'other'));
});

test('the authorizer says whom somebody may not be, on the operator port too', () => {
  const authorizer = createAuthorizer({
    permissionGroupMapping: {},
    permissionScopeMapping: {},
    executors: bindings,
  });
  for (const each of [authorizer, withOperators(authorizer)]) {
    each.demandExecutor(principal('east'), 'east-1');
    assert.throws(() => each.demandExecutor(principal('east'), 'west-1'), {
      code: 'PERMISSION_DENIED',
      message: 'user "east" may not be the executor "west-1"; auth.executors says which they may be',
    });
  }
});
