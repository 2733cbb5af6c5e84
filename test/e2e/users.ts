// Users of a server with basic authentication: one for every way to be allowed something.
import { randomBytes, scryptSync } from 'node:crypto';
import { PERMISSIONS, type Permission } from '@armada-ts/server/auth/permissions';
import type { ConfigInput } from '@armada-ts/server/config';
import { QUEUE_VERBS, type QueueVerb } from '@armada-ts/server/model/queue';
import { Queue } from '@armada-ts/api/api/queue';
import { Metadata } from '@grpc/grpc-js';

/** Somebody with credentials, and what they may do. */
export interface Role {
  name: string;
  permissions: readonly Permission[];
  /** On the queue q1, by its owner's word. */
  verbs: readonly QueueVerb[];
}

/** Everything, by a group of its own. */
export const OPERATOR: Role = { name: 'operator', permissions: PERMISSIONS, verbs: [] };
/** Owns q1 and every spare queue made beside it. */
export const OWNER: Role = { name: 'owner', permissions: [], verbs: QUEUE_VERBS };
/** In a group that owns q1. */
export const MEMBER: Role = { name: 'member', permissions: [], verbs: QUEUE_VERBS };
export const STRANGER: Role = { name: 'stranger', permissions: [], verbs: [] };
/** Makes no calls: others try to guess their password, which may lock them out for a while. */
export const GUESSED: Role = { name: 'guessed', permissions: [], verbs: [] };
export const EXECUTOR: Role = { name: 'executor', permissions: ['execute_jobs'], verbs: [] };

/** These, and one user for each permission, and for each verb alone: by name, and by a group. */
export const ROLES: readonly Role[] = [
  OPERATOR,
  OWNER,
  MEMBER,
  STRANGER,
  EXECUTOR,
  ...PERMISSIONS.map((one): Role => ({ name: `has-${one}`, permissions: [one], verbs: [] })),
  ...QUEUE_VERBS.map((verb): Role => ({ name: `may-${verb}`, permissions: [], verbs: [verb] })),
  ...QUEUE_VERBS.map((verb): Role => ({ name: `team-${verb}`, permissions: [], verbs: [verb] })),
];

/** The section `auth` of the configuration: each role is in a group of its own name. */
export function authSettings(roles: readonly Role[]): NonNullable<ConfigInput['auth']> {
  return {
    schemes: ['basic'],
    basic: {
      users: Object.fromEntries(
        roles.map(({ name }) => [name, { password: cheapHash(passwordOf(name)), groups: [name] }]),
      ),
    },
    permissionGroupMapping: Object.fromEntries(
      PERMISSIONS.map((one) => [
        one,
        roles.filter(({ permissions }) => permissions.includes(one)).map(({ name }) => name),
      ]),
    ),
  };
}

/** Of the scheme `token`, with all that it offers. */
export const TOKEN_SETTINGS = { encryptionKey: randomBytes(32).toString('base64'), byQuery: true };

/** q1 belongs to the owner, who lets some users do one thing each; anything else named is the operator's. */
export function queueOf(name: string): Queue {
  if (name === 'q2') return Queue.fromPartial({ name, priorityFactor: 1, userOwners: [OPERATOR.name] });
  return Queue.fromPartial({
    name,
    priorityFactor: 1,
    userOwners: [OWNER.name],
    groupOwners: [MEMBER.name],
    permissions: QUEUE_VERBS.map((verb) => ({
      subjects: [
        { kind: 'User', name: `may-${verb}` },
        { kind: 'Group', name: `team-${verb}` },
      ],
      verbs: [verb],
    })),
  });
}

export function credentialsOf(name: string, password = passwordOf(name)): Metadata {
  return authorization(`Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`);
}

export function authorization(value: string): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', value);
  return metadata;
}

export function passwordOf(name: string): string {
  return `secret of ${name}`;
}

/** As the configuration wants it, but checked in no time: there are many users here, and no secrets. */
function cheapHash(password: string): string {
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, { N: 2, r: 1, p: 1 });
  return `scrypt$2$1$1$${salt.toString('base64')}$${hash.toString('base64')}`;
}
