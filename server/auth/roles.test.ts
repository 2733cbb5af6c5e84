import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthorizer } from './authorizer.ts';
import { PERMISSIONS } from './permissions.ts';
import type { Principal } from './principal.ts';
import { rolesSchema } from './roles.ts';

const principal = (more: Partial<Principal> = {}): Principal => ({
  name: 'ann',
  groups: [],
  scopes: [],
  scheme: 'test',
  ...more,
});

test('a role gives its permissions to whoever has it, and no others', () => {
  const roles = rolesSchema.parse({
    support: { permissions: ['cancel_any_jobs', 'watch_all_events'], users: ['bob'], groups: ['support'] },
    planner: { permissions: ['create_queue'], scopes: ['plan'], claims: { team: ['capacity'] } },
  });
  const { may } = createAuthorizer({ permissionGroupMapping: {}, permissionScopeMapping: {}, roles });
  const support = ['cancel_any_jobs', 'watch_all_events'];
  const table: [Partial<Principal>, string[]][] = [
    [{}, []],
    [{ name: 'bob' }, support],
    [{ groups: ['support'] }, support],
    [{ groups: ['bob'], scopes: ['support'], name: 'support' }, []],
    [{ scopes: ['plan'] }, ['create_queue']],
    [{ claims: new Map([['team', ['other', 'capacity']]]) }, ['create_queue']],
    [{ claims: new Map([['team', ['other']]]) }, []],
    [{ name: 'bob', scopes: ['plan'] }, ['cancel_any_jobs', 'watch_all_events', 'create_queue']],
  ];
  for (const [who, expected] of table) {
    const given = PERMISSIONS.filter((permission) => may(principal(who), permission));
    assert.deepEqual(given.sort(), expected.sort(), JSON.stringify(who));
  }
});

test('the schema of roles refuses those that nobody has, that allow nothing, and permissions that there are not', () => {
  const faulty = [
    [{ permissions: ['create_queue'] }, /must say who has it/],
    [{ permissions: [], users: ['ann'] }, /must name at least one permission/],
    [{ permissions: ['everything'], users: ['ann'] }, /Invalid option/],
    [{ permissions: ['create_queue'], user: ['ann'] }, /Unrecognized key/],
    [{ permissions: ['create_queue'], claims: { team: [] } }, /must name the values/],
  ] as const;
  for (const [role, message] of faulty) {
    const { error } = rolesSchema.safeParse({ role });
    assert.match(error?.message ?? '', message);
  }
});
