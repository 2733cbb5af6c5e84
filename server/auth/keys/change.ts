import { ArmadaError } from '../../base/errors.ts';
import type { HeldKeys, KeyStore } from './held-keys.ts';

export interface KeyChangeDeps {
  store: Pick<KeyStore, 'control'>;
  held: HeldKeys;
}

/** Somebody else would have to change the same record all the time. */
const MAX_TRIES = 10;

/**
 * Changes a record by what is held of it; where another server was quicker, by
 * what that has made of it. Resolves when the change is in the store and held here.
 * @param derive what to write over which version; throws when it must not be
 */
export async function changeRecord(
  { store, held }: KeyChangeDeps,
  { kind, name }: Pick<Parameters<KeyStore['control']>[0], 'kind' | 'name'>,
  derive: () => { expectedVersion: number; record: Uint8Array },
): Promise<void> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const { expectedVersion, record } = derive();
    const result = await store.control({ kind, name, expectedVersion, record });
    if (result.outcome === 'applied') {
      held.apply({ kind, name, version: result.version, record });
      return;
    }
    if (result.outcome !== 'stale' || !result.current) break;
    held.apply({ kind, ...result.current });
  }
  throw new ArmadaError('CONFLICT', 'the keys are being changed by others; try again');
}
