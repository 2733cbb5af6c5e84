/** What callers are told of themselves. */
import type { GetIdentityResponse } from '@armada-ts/api/armada/auth/v1/identity';
import { timestampOf } from '../model/instant.ts';
import type { Authorizer } from './authorizer.ts';
import { PERMISSIONS } from './permissions.ts';
import { EVERYONE, type Principal } from './principal.ts';
import { type Roles, rolesOf } from './roles.ts';

export interface IdentityDeps {
  /** That of the port that is asked, which decides what its callers may do. */
  authorizer: Pick<Authorizer, 'may'>;
  roles: Roles;
  acceptedSchemes: readonly string[];
}

/** Permissions are asked for one by one, of whom every method asks: so this says what will be decided. */
export function identityOf(deps: IdentityDeps, principal: Principal): GetIdentityResponse {
  const { authorizer, roles, acceptedSchemes } = deps;
  const { name, groups, scopes, scheme, expiresMs } = principal;
  return {
    name,
    groups: [...new Set([...groups, EVERYONE])],
    scopes: [...scopes],
    scheme,
    roles: rolesOf(roles, principal),
    permissions: PERMISSIONS.filter((permission) => authorizer.may(principal, permission)),
    expires: expiresMs === undefined ? undefined : timestampOf(expiresMs),
    acceptedSchemes: [...acceptedSchemes],
  };
}
