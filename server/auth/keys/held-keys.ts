/**
 * All access keys and signing keys of the store, in memory: whoever calls is
 * judged without asking the store. It is loaded once and follows the log, so
 * what is revoked by one server ends at all within moments.
 */
import { AccessKeys, type AccessKey, Control_Kind, Keyring } from '@armada-ts/api/armada/store/v1/store';
import type { SigningKey } from '@armada-ts/api/armada/store/v1/store';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { type SealingKeys, unseal } from './sealing.ts';

type KeyKind = typeof Control_Kind.KIND_ACCESS_KEYS | typeof Control_Kind.KIND_KEYRING;

/** A record as the store or its log tells it. */
export interface KeptRecord {
  name: string;
  version: number;
  record?: Uint8Array | undefined;
}

/** What of the store it takes. */
export interface KeyStore {
  read: { controls(kind: KeyKind): Promise<KeptRecord[]> };
  control(change: {
    kind: KeyKind;
    name: string;
    expectedVersion: number;
    record: Uint8Array;
  }): Promise<
    | { outcome: 'applied'; version: number }
    | { outcome: 'stale'; current: KeptRecord | undefined }
    | { outcome: 'not-empty' }
  >;
}

export interface HeldKey {
  owner: string;
  key: AccessKey;
}

export interface HeldRing {
  version: number;
  keys: readonly SigningKey[];
  /** It is there, and cannot be decrypted here. */
  isClosed: boolean;
}

export interface HeldKeys {
  accessKey(id: string): HeldKey | undefined;
  /** Of one user, with the version of the record. */
  accessKeysOf(owner: string): { version: number; keys: readonly AccessKey[] };
  ring(): HeldRing;
  /** Takes everything anew from the store. */
  load(): Promise<void>;
  /** The same when something is missed that another server may have made just now; does little when asked often. */
  refresh(): Promise<void>;
  /** Whether these keys open the keyring as it is in the store; what cannot be opened now is no reason against them. */
  canOpen(keys: SealingKeys): boolean;
  /** Opens the keyring again, with the keys of now. */
  reopen(): void;
  /** Takes over a control entry, of the log or of an own change; what is older than what is held changes nothing. */
  apply(control: KeptRecord & { kind: Control_Kind }): void;
}

export interface HeldKeysDeps {
  store: Pick<KeyStore, 'read'>;
  sealingKeys: () => SealingKeys;
  clock: Clock;
  logger: Logger;
}

/** Name of the only record of its kind. */
export const KEYRING_NAME = 'keyring';

const KINDS = [Control_Kind.KIND_ACCESS_KEYS, Control_Kind.KIND_KEYRING] as const;

/** Anybody can name keys that are not there: while nothing is found, the store is asked less and less. */
const REFRESH_MS = 1000;
const MAX_REFRESH_MS = 60_000;

const NO_RING: HeldRing = { version: 0, keys: [], isClosed: false };

export function createHeldKeys({ store, sealingKeys, clock, logger }: HeldKeysDeps): HeldKeys {
  const owners = new Map<string, { version: number; keys: readonly AccessKey[] }>();
  const byId = new Map<string, HeldKey>();
  let ring = NO_RING;
  /** As the store has it. */
  let sealed: Pick<KeptRecord, 'version' | 'record'> = { version: 0 };
  let refreshing = Promise.resolve();
  let refreshedAtMs = Number.NEGATIVE_INFINITY;
  let refreshMs = REFRESH_MS;
  /** How often anything has changed. */
  let changes = 0;

  async function ask(): Promise<void> {
    const before = changes;
    for (const kind of KINDS) {
      for (const each of await store.read.controls(kind)) held.apply({ kind, ...each });
    }
    refreshMs = changes > before ? REFRESH_MS : Math.min(2 * refreshMs, MAX_REFRESH_MS);
  }

  function setKeys({ name: owner, version, record }: KeptRecord): void {
    changes++;
    for (const { id } of owners.get(owner)?.keys ?? []) byId.delete(id);
    const keys = record ? AccessKeys.decode(record).keys : [];
    owners.set(owner, { version, keys });
    for (const key of keys) byId.set(key.id, { owner, key });
  }

  function setRing({ version, record }: Pick<KeptRecord, 'version' | 'record'>): void {
    changes++;
    sealed = { version, record };
    const opened = record && unseal(record, sealingKeys());
    if (record && !opened) {
      const message =
        'the keyring cannot be decrypted with the encryption key of this server; it keeps the signing keys that it has';
      logger.error({}, message);
      ring = { version, keys: ring.keys, isClosed: true };
      return;
    }
    ring = { version, keys: opened ? Keyring.decode(opened).keys : [], isClosed: false };
  }

  const held: HeldKeys = {
    accessKey: (id) => byId.get(id),
    accessKeysOf: (owner) => owners.get(owner) ?? { version: 0, keys: [] },
    ring: () => ring,
    async load() {
      const [keys = [], rings = []] = await Promise.all(KINDS.map((kind) => store.read.controls(kind)));
      // Whatever was known: the store may have lost its newest entries.
      owners.clear();
      byId.clear();
      for (const each of keys) setKeys(each);
      setRing(rings.find(({ name }) => name === KEYRING_NAME) ?? { name: KEYRING_NAME, version: 0 });
    },
    refresh() {
      const sinceMs = clock.elapsed() - refreshedAtMs;
      // Nobody has named what is not there for a while: it may well be there by now.
      if (sinceMs >= 2 * refreshMs) refreshMs = REFRESH_MS;
      if (sinceMs < refreshMs) return refreshing;
      refreshedAtMs = clock.elapsed();
      refreshing = ask();
      return refreshing;
    },
    canOpen: (keys) => ring.isClosed || !sealed.record || unseal(sealed.record, keys) !== undefined,
    reopen: () => setRing(sealed),
    apply({ kind, ...kept }) {
      const { name, version } = kept;
      if (kind === Control_Kind.KIND_ACCESS_KEYS) {
        if (version > held.accessKeysOf(name).version) setKeys(kept);
      } else if (kind === Control_Kind.KIND_KEYRING && name === KEYRING_NAME) {
        if (version > ring.version) setRing(kept);
      }
    },
  };
  return held;
}
