/**
 * Access keys: pairs that a user makes for programs, and exchanges for tokens.
 * Secrets are random and long, so what is kept of one is a plain hash: there is
 * nothing to guess that a slow one would protect.
 */
import { type AccessKey, AccessKeys, Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError, invalidField } from '../../base/errors.ts';
import { printableFault, shown } from '../../model/names.ts';
import type { Authorizer } from '../authorizer.ts';
import { hasOperatorToken } from '../operator-token.ts';
import type { Principal } from '../principal.ts';
import { changeRecord, type KeyChangeDeps } from './change.ts';
import type { HeldKey } from './held-keys.ts';
import type { KeyOwners } from './owners.ts';
import { isTokenPrincipal } from './token.ts';

export interface AccessKeyDeps extends KeyChangeDeps {
  authorizer: Authorizer;
  clock: Clock;
  owners: Pick<KeyOwners, 'of'>;
}

export const MAX_KEYS = 5;

const MAX_DESCRIPTION_BYTES = 200;

/** Whoever scans for lost secrets finds them by these. */
const ID_PREFIX = 'armada-key-';
const SECRET_PREFIX = 'armada-secret-';

/** More is no secret of ours, and is not worth hashing. */
const MAX_SECRET_LENGTH = 100;

/**
 * Makes a key for the caller, with what the caller may do now. Throws
 * PERMISSION_DENIED for who cannot have any, KEY_LIMIT or INVALID_REQUEST.
 */
export async function createKey(
  deps: AccessKeyDeps,
  principal: Principal,
  description: string,
): Promise<HeldKey & { secret: string }> {
  refuseHolder(principal);
  const fault = printableFault(description);
  if (fault !== undefined) throw invalidField('description', fault);
  if (Buffer.byteLength(description) > MAX_DESCRIPTION_BYTES) {
    throw invalidField('description', `must be at most ${MAX_DESCRIPTION_BYTES} bytes`);
  }
  const secret = SECRET_PREFIX + randomBytes(32).toString('base64url');
  const key: AccessKey = {
    id: ID_PREFIX + randomBytes(12).toString('base64url'),
    secretHash: hashOf(secret),
    groups: [...principal.groups],
    scopes: [...principal.scopes],
    description,
    disabled: false,
    createdAtMs: deps.clock.now(),
    scheme: principal.scheme,
  };
  await changeKeys(deps, principal.name, (keys) => {
    if (keys.length >= MAX_KEYS) {
      throw new ArmadaError('KEY_LIMIT', `a user has at most ${MAX_KEYS} access keys; delete one first`);
    }
    return [...keys, key];
  });
  return { owner: principal.name, key, secret };
}

/** Keys of the owner, or of the caller when it is empty. Throws PERMISSION_DENIED. */
export function listKeys(
  { held, authorizer }: Pick<AccessKeyDeps, 'held' | 'authorizer'>,
  principal: Principal,
  named: string,
): HeldKey[] {
  const owner = named || principal.name;
  if (owner !== principal.name || isAnonymous(principal)) authorizer.demand(principal, 'operate');
  return held.accessKeysOf(owner).keys.map((key) => ({ owner, key }));
}

/** Throws KEY_NOT_FOUND, also for keys that the caller has nothing to do with. */
export async function setKeyDisabled(
  deps: AccessKeyDeps,
  principal: Principal,
  { id, disabled }: { id: string; disabled: boolean },
): Promise<HeldKey> {
  const { owner } = ownKey(deps, principal, id);
  await changeKeys(deps, owner, (keys) => {
    ownKey(deps, principal, id);
    return keys.map((key) => (key.id === id ? { ...key, disabled } : key));
  });
  return ownKey(deps, principal, id);
}

/** Throws KEY_NOT_FOUND, also for keys that the caller has nothing to do with. */
export async function deleteKey(deps: AccessKeyDeps, principal: Principal, id: string): Promise<void> {
  const { owner } = ownKey(deps, principal, id);
  await changeKeys(deps, owner, (keys) => keys.filter((key) => key.id !== id));
}

/** The key that a pair stands for. Throws UNAUTHENTICATED, also where its user is nobody any more. */
export async function keyOfPair(
  { held, owners }: Pick<AccessKeyDeps, 'held' | 'owners'>,
  { accessKey, secret }: { accessKey: string; secret: string },
): Promise<HeldKey> {
  if (!held.accessKey(accessKey)) await held.refresh();
  const found = held.accessKey(accessKey);
  const hash = hashOf(secret.slice(0, MAX_SECRET_LENGTH));
  // Of equal length whatever was sent, and as slow for keys that are not there.
  const isRight = timingSafeEqual(hash, found?.key.secretHash ?? Buffer.alloc(hash.length));
  if (!found || !isRight) throw new ArmadaError('UNAUTHENTICATED', 'the access key or its secret is wrong');
  if (found.key.disabled) throw new ArmadaError('UNAUTHENTICATED', 'the access key is disabled');
  await owners.of(found);
  return found;
}

function changeKeys(
  deps: AccessKeyDeps,
  owner: string,
  edit: (keys: readonly AccessKey[]) => AccessKey[],
): Promise<void> {
  return changeRecord(deps, { kind: Control_Kind.KIND_ACCESS_KEYS, name: owner }, () => {
    const { version, keys } = deps.held.accessKeysOf(owner);
    const record = AccessKeys.encode(AccessKeys.fromPartial({ owner, keys: edit(keys) })).finish();
    return { expectedVersion: version, record };
  });
}

function ownKey({ held, authorizer }: AccessKeyDeps, principal: Principal, id: string): HeldKey {
  const found = held.accessKey(id);
  const isOwn = found?.owner === principal.name && !isAnonymous(principal);
  if (found && (isOwn || authorizer.may(principal, 'operate'))) return found;
  throw new ArmadaError('KEY_NOT_FOUND', `you have no access key ${shown(id)}`);
}

/** A lost token must not become a key that lasts, and who has no name of their own has no keys. */
function refuseHolder(principal: Principal): void {
  if (!isAnonymous(principal) && !isTokenPrincipal(principal) && !hasOperatorToken(principal)) return;
  throw new ArmadaError(
    'PERMISSION_DENIED',
    `who comes with the scheme ${principal.scheme} makes no access keys; use credentials of a user`,
  );
}

function isAnonymous({ scheme }: Principal): boolean {
  return scheme === 'anonymous';
}

function hashOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}
