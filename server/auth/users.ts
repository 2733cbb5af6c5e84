/** People with passwords, as the configuration and the file of users have them. */
import { ArmadaError } from '../base/errors.ts';
import type { AuthConfig } from './config.ts';
import { type PasswordHash, parsePasswordHash } from './password.ts';
import type { Principal } from './principal.ts';

export interface User {
  /** Another object as soon as the password or the groups are others. */
  readonly principal: Principal;
  readonly password: PasswordHash;
  /** As it is kept. */
  readonly hash: string;
}

export type Users = ReadonlyMap<string, User>;

/** Users as they are now; another map whenever anything has changed. */
export type UserSource = () => Users;

/**
 * Users by name.
 * @param before users as they were: who has not changed stays the same object
 */
export function usersOf(entries: AuthConfig['basic']['users'], before: Users = new Map()): Users {
  const users = new Map<string, User>();
  for (const [name, { password: hash, groups }] of Object.entries(entries)) {
    const old = before.get(name);
    if (old && old.hash === hash && old.principal.groups.join('\n') === groups.join('\n')) {
      users.set(name, old);
      continue;
    }
    const password = parsePasswordHash(hash);
    if (password === undefined)
      throw new ArmadaError('INVALID_REQUEST', `the password hash of user ${name} cannot be read`);
    users.set(name, { principal: { name, groups, scopes: [], scheme: 'basic' }, password, hash });
  }
  return users;
}
