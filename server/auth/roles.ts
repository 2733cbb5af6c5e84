/** Roles: sets of permissions by a name, and who has them. */
import { z } from 'zod';
import { PERMISSIONS, type Permission } from './permissions.ts';
import { hasClaim, isInGroup, type Principal } from './principal.ts';

const names = z.array(z.string().min(1));

const role = z
  .strictObject({
    permissions: z.array(z.enum(PERMISSIONS)).min(1, 'must name at least one permission'),
    users: names.default([]),
    groups: names.default([]),
    scopes: names.default([]),
    claims: z.record(z.string().min(1), names.min(1, 'must name the values that count')).default({}),
  })
  .refine(
    ({ users, groups, scopes, claims }) =>
      [users, groups, scopes, Object.keys(claims)].some(({ length }) => length > 0),
    'must say who has it, by users, groups, scopes or claims',
  );

export const rolesSchema = z.record(z.string().min(1), role);

export type Roles = z.output<typeof rolesSchema>;

/** Whether one of the principal's roles has the permission. */
export function hasByRole(roles: Roles, principal: Principal, permission: Permission): boolean {
  return Object.values(roles).some(
    (each) => each.permissions.includes(permission) && isHeldBy(each, principal),
  );
}

/** Names of the principal's roles. */
export function rolesOf(roles: Roles, principal: Principal): string[] {
  return Object.entries(roles)
    .filter(([, each]) => isHeldBy(each, principal))
    .map(([name]) => name);
}

function isHeldBy({ users, groups, scopes, claims }: Roles[string], principal: Principal): boolean {
  return (
    users.includes(principal.name) ||
    groups.some((group) => isInGroup(principal, group)) ||
    scopes.some((scope) => principal.scopes.includes(scope)) ||
    Object.entries(claims).some(([claim, values]) => hasClaim(principal, claim, values))
  );
}
