import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthorizer } from './authorizer.ts';
import { authSchema } from './config.ts';
import { identityOf } from './identity.ts';
import type { Principal } from './principal.ts';

const config = authSchema.parse({
  schemes: ['oidc', 'basic'],
  permissionGroupMapping: { create_queue: ['everyone'], cordon_queue: ['others'] },
  permissionScopeMapping: { cancel_any_jobs: ['armada.admin'] },
  roles: {
    support: { permissions: ['watch_all_events'], groups: ['team'] },
    operators: { permissions: ['operate'], users: ['ben'] },
  },
});
const { roles, schemes: acceptedSchemes } = config;
const deps = { authorizer: createAuthorizer(config), roles, acceptedSchemes };
const ann: Principal = { name: 'ann', groups: ['team'], scopes: ['armada.admin'], scheme: 'oidc' };

test('identityOf() tells roles, and permissions by groups, scopes and roles, as they are decided', () => {
  assert.deepEqual(identityOf(deps, ann), {
    name: 'ann',
    groups: ['team', 'everyone'],
    scopes: ['armada.admin'],
    scheme: 'oidc',
    roles: ['support'],
    permissions: ['cancel_any_jobs', 'watch_all_events', 'create_queue'],
    expires: undefined,
    acceptedSchemes: ['oidc', 'basic'],
  });
});

test('identityOf() tells when credentials end, and names no group twice', () => {
  const { expires, groups } = identityOf(deps, { ...ann, groups: ['everyone'], expiresMs: 1_500 });
  assert.deepEqual(expires, { seconds: 1n, nanos: 500_000_000 });
  assert.deepEqual(groups, ['everyone']);
});
