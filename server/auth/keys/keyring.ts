/** The keys that tokens are signed with, changed in steps after which every token that was good still is. */
import { Control_Kind, Keyring, type SigningKey } from '@armada-ts/api/armada/store/v1/store';
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError, invalidField } from '../../base/errors.ts';
import { shown } from '../../model/names.ts';
import { changeRecord, type KeyChangeDeps } from './change.ts';
import { KEYRING_NAME } from './held-keys.ts';
import { seal, type SealingKeys } from './sealing.ts';

export interface KeyringDeps extends KeyChangeDeps {
  sealingKeys: () => SealingKeys;
  clock: Clock;
  /** How long tokens are good. */
  validMs: number;
}

const SECRET_BYTES = 32;

const MAX_SIGNING_KEYS = 10;

/** Makes the first key, unless there is a keyring. Throws INVALID_REQUEST when that cannot be decrypted here. */
export async function beginKeyring(deps: KeyringDeps): Promise<void> {
  const { held } = deps;
  if (held.ring().keys.length === 0 && !held.ring().isClosed) {
    const secret = randomBytes(SECRET_BYTES);
    await changeRing(deps, (keys) => (keys.length > 0 ? keys : [newKey(deps, secret, true)]));
  }
  if (held.ring().isClosed) throw closed();
}

/** Adds a key, or a random one when it is empty, and gives its id; the same key is not added twice. Throws INVALID_REQUEST or KEY_LIMIT. */
export async function installKey(deps: KeyringDeps, given: Uint8Array): Promise<string> {
  if (given.length !== 0 && given.length !== SECRET_BYTES) {
    throw invalidField('key', `must be ${SECRET_BYTES} bytes, got ${given.length}`);
  }
  const added = newKey(deps, given.length === 0 ? randomBytes(SECRET_BYTES) : given, false);
  await changeRing(deps, (keys) => {
    if (keys.some(({ id }) => id === added.id)) return keys;
    if (keys.length >= MAX_SIGNING_KEYS) {
      throw new ArmadaError('KEY_LIMIT', `there are ${MAX_SIGNING_KEYS} signing keys; remove one first`);
    }
    return [...keys, added];
  });
  return added.id;
}

/** Makes the key the one that signs. Throws KEY_NOT_FOUND. */
export async function useKey(deps: KeyringDeps, wanted: string): Promise<void> {
  await changeRing(deps, (keys) => {
    if (find(keys, wanted).primary) return keys;
    return keys.map(({ retiredAtMs: before, ...key }) => {
      if (key.id === wanted) return { ...key, primary: true };
      const retiredAtMs = key.primary ? deps.clock.now() : before;
      return { ...key, primary: false, retiredAtMs };
    });
  });
}

/**
 * Removes a key, and ends what was signed with it. Throws KEY_NOT_FOUND, and
 * KEY_IN_USE for the primary one, or while tokens may be good that it has signed.
 */
export async function removeKey(
  deps: KeyringDeps,
  { id: wanted, force }: { id: string; force: boolean },
): Promise<void> {
  await changeRing(deps, (keys) => {
    const key = find(keys, wanted);
    if (key.primary) throw inUse(key, 'is the primary one; make another primary first');
    const untilMs = inUseUntilMs(key, deps.validMs);
    if (!force && untilMs !== undefined && deps.clock.now() < untilMs) {
      const until = new Date(untilMs).toISOString();
      throw inUse(key, `has signed tokens that are good until ${until}; remove it then, or by force`);
    }
    return keys.filter(({ id }) => id !== wanted);
  });
}

/** When the last token that the key has signed ends; undefined for one that has signed none, or signs. */
export function inUseUntilMs({ retiredAtMs }: SigningKey, validMs: number): number | undefined {
  // A server may hear a little late that another key signs.
  return retiredAtMs === undefined ? undefined : retiredAtMs + validMs + 2000;
}

async function changeRing(
  deps: KeyringDeps,
  edit: (keys: readonly SigningKey[]) => readonly SigningKey[],
): Promise<void> {
  await changeRecord(deps, { kind: Control_Kind.KIND_KEYRING, name: KEYRING_NAME }, () => {
    const { keys, version, isClosed } = deps.held.ring();
    if (isClosed) throw closed();
    const plain = Keyring.encode(Keyring.fromPartial({ keys: [...edit(keys)] })).finish();
    return { expectedVersion: version, record: seal(plain, deps.sealingKeys()) };
  });
}

/** The id follows from the key, so that it is the same wherever it is installed; in hex, so that no command takes it for an option. */
function newKey({ clock }: KeyringDeps, secret: Uint8Array, primary: boolean): SigningKey {
  const digest = createHash('sha256').update('id of a signing key').update(secret).digest('hex');
  const id = digest.slice(0, 20);
  return { id, secret: Buffer.from(secret), addedAtMs: clock.now(), primary, retiredAtMs: undefined };
}

function find(keys: readonly SigningKey[], wanted: string): SigningKey {
  const found = keys.find(({ id }) => id === wanted);
  if (!found) throw new ArmadaError('KEY_NOT_FOUND', `there is no signing key ${shown(wanted)}`);
  return found;
}

function inUse({ id }: SigningKey, why: string): ArmadaError {
  return new ArmadaError('KEY_IN_USE', `signing key ${shown(id)} ${why}`);
}

function closed(): ArmadaError {
  return new ArmadaError(
    'INVALID_REQUEST',
    'auth.token: the encryption key does not open the keyring of the store; give this server that of the others',
  );
}
