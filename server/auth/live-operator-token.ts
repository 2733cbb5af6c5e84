/**
 * The operator token of a store while servers run. Once it has been changed it
 * follows from a salt in the store too, which all servers hear of by the log.
 */
import { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { randomBytes } from 'node:crypto';
import { ArmadaError } from '../base/errors.ts';
import type { KeptRecord, KeyStore } from './keys/held-keys.ts';
import { operatorToken } from './operator-token.ts';

export interface LiveOperatorToken {
  current: () => string;
  /**
   * Makes another, unless somebody else has just done so. The one before is good no
   * more, on all servers. Rejects with UNAVAILABLE when there is no other.
   */
  renew(): Promise<void>;
  /** Takes over what is in the store, and what its log tells after that. */
  load(): Promise<void>;
  apply(control: KeptRecord & { kind: Control_Kind }): void;
}

const kind = Control_Kind.KIND_KEYRING;

/** Name of the record beside that of the signing keys. */
const NAME = 'operator-token';

const SALT_BYTES = 32;

export function createLiveOperatorToken(store: KeyStore, secret: Uint8Array): LiveOperatorToken {
  let version = 0;
  let token = operatorToken(secret);
  const take = (kept: Pick<KeptRecord, 'version' | 'record'>): void => {
    version = kept.version;
    token = operatorToken(secret, kept.record);
  };
  return {
    current: () => token,
    async renew() {
      const change = { kind, name: NAME, record: randomBytes(SALT_BYTES) };
      let result = await store.control({ ...change, expectedVersion: version });
      // The record is gone, as in a copy of the store that was restored.
      if (isWithout(result)) result = await store.control({ ...change, expectedVersion: 0 });
      if (result.outcome === 'applied') take({ ...change, version: result.version });
      else if (result.outcome === 'stale' && result.current) take(result.current);
      else throw new ArmadaError('UNAVAILABLE', 'the store does not take another operator token; try again');
    },
    async load() {
      take((await store.read.controls(kind)).find(({ name }) => name === NAME) ?? { version: 0 });
    },
    apply(control) {
      if (control.kind === kind && control.name === NAME && control.version > version) take(control);
    },
  };
}

function isWithout(result: Awaited<ReturnType<KeyStore['control']>>): boolean {
  return result.outcome === 'stale' && result.current === undefined;
}
