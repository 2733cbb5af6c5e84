/** What callers are told of themselves. */
import type { GetIdentityResponse } from '@armada-ts/api/armada/auth/v1/identity';
import { timestampOf } from '../model/instant.ts';
import type { Authorizer } from './authorizer.ts';
import type { AuthConfig } from './config.ts';
import { PERMISSIONS } from './permissions.ts';
import { EVERYONE, type Principal } from './principal.ts';
import { rolesOf } from './roles.ts';

export interface IdentityDeps {
  authorizer: Pick<Authorizer, 'may'>;
  config: Pick<AuthConfig, 'schemes' | 'roles'>;
}

/** Permissions are asked for one by one, of whom every method asks: so this says what will be decided. */
export function identityOf({ authorizer, config }: IdentityDeps, principal: Principal): GetIdentityResponse {
  const { name, groups, scopes, scheme, expiresMs } = principal;
  return {
    name,
    groups: [...new Set([...groups, EVERYONE])],
    scopes: [...scopes],
    scheme,
    roles: rolesOf(config.roles, principal),
    permissions: PERMISSIONS.filter((permission) => authorizer.may(principal, permission)),
    expires: expiresMs === undefined ? undefined : timestampOf(expiresMs),
    acceptedSchemes: [...config.schemes],
  };
}
