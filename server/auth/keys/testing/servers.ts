/** Servers that share a store in memory, as far as keys go. */
import { randomBytes } from 'node:crypto';
import type { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { silentLogger } from '../../../base/logger.ts';
import { ArmadaError } from '../../../base/errors.ts';
import type { Scheme } from '../../chain.ts';
import { type Authorizer, createAuthorizer } from '../../authorizer.ts';
import type { Principal } from '../../principal.ts';
import type { AccessKeyDeps } from '../access-keys.ts';
import { createHeldKeys, type KeyStore } from '../held-keys.ts';
import { beginKeyring, type KeyringDeps } from '../keyring.ts';
import { createKeyOwners, type KeyOwners } from '../owners.ts';
import type { SealingKeys } from '../sealing.ts';

export const ANN: Principal = { name: 'ann', groups: ['team'], scopes: ['read'], scheme: 'basic' };
export const OLGA: Principal = { name: 'olga', groups: ['operators'], scopes: [], scheme: 'basic' };

const authorizer: Authorizer = createAuthorizer({
  permissionGroupMapping: { operate: ['operators'] },
  permissionScopeMapping: {},
});

type Control = Parameters<ReturnType<typeof createHeldKeys>['apply']>[0];

export interface KeyServer extends AccessKeyDeps, KeyringDeps {
  store: KeyStore;
  owners: KeyOwners;
}

/** A scheme that knows its users, as basic does: whoever is another object has changed. */
export function knowing(users: Map<string, Principal>): Scheme {
  return {
    name: 'basic',
    challenge: undefined,
    authenticate: () => undefined,
    lookUp: (name) => users.get(name),
    recheck: (principal) =>
      users.get(principal.name) === principal ? undefined : new ArmadaError('UNAUTHENTICATED', 'changed'),
  };
}

/** One of the servers; what it changes, the others hear when they are told. */
export function createKeyStore(firstVersion = 1) {
  const records = new Map<string, Control>();
  const log: Control[] = [];
  const users = new Map([ANN, OLGA].map((user) => [user.name, user]));
  let version = firstVersion - 1;
  let nowMs = 1_700_000_000_000;
  const keyOf = (kind: Control_Kind, name: string): string => `${kind} ${name}`;
  const store: KeyStore = {
    read: {
      controls: async (kind) => [...records.values()].filter((one) => one.kind === kind),
    },
    async control({ kind, name, expectedVersion, record }) {
      const current = records.get(keyOf(kind, name));
      if ((current?.version ?? 0) !== expectedVersion) return { outcome: 'stale', current };
      const written = { kind, name, version: ++version, record };
      records.set(keyOf(kind, name), written);
      log.push(written);
      return { outcome: 'applied', version };
    },
  };
  const clock = { now: () => nowMs, elapsed: () => nowMs };
  return {
    records,
    log,
    users,
    step(ms: number): void {
      nowMs += ms;
    },
    async start(encryptionKeys: SealingKeys = [Buffer.alloc(32, 7)]): Promise<KeyServer> {
      const sealingKeys = () => encryptionKeys;
      const held = createHeldKeys({ store, sealingKeys, clock, logger: silentLogger });
      const owners = createKeyOwners();
      owners.askOf([knowing(users)]);
      const server = { store, held, owners, sealingKeys, clock, authorizer, validMs: 60_000 };
      await held.load();
      await beginKeyring(server);
      return server;
    },
  };
}

export function randomSealingKey(): Buffer {
  return randomBytes(32);
}
