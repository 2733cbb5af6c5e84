/** Keys put together: what the scheme `token` and the services of keys share. */
import type { Control } from '@armada-ts/api/armada/store/v1/store';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { Scheme } from '../chain.ts';
import type { AuthConfig } from '../config.ts';
import { createHeldKeys, type HeldKeys, type KeyStore } from './held-keys.ts';
import { beginKeyring } from './keyring.ts';
import { createKeyOwners, type KeyOwners } from './owners.ts';
import type { SealingKeys } from './sealing.ts';
import { openSealingKeys } from './sealing-keys.ts';
import { createTokenScheme } from './token.ts';

export interface KeysDeps {
  store: KeyStore;
  clock: Clock;
  logger: Logger;
  /** How often the file of encryption keys is looked at. */
  lookMs?: number;
}

export interface Keys extends AsyncDisposable {
  scheme: Scheme;
  held: HeldKeys;
  owners: KeyOwners;
  sealingKeys: () => SealingKeys;
  validMs: number;
  byQuery: boolean;
  /** Takes over what is in the store, and what the log tells after that. */
  load(): Promise<void>;
  apply(control: Control): void;
  /** Sees to it that there is something to sign with, once all is loaded. Throws INVALID_REQUEST when the encryption key is another. */
  begin(): Promise<void>;
  /** Ids of the signing keys that this server has. */
  signingKeys(): readonly string[];
}

/** Undefined where the scheme is not configured. Rejects with INVALID_REQUEST without a key to encrypt with. */
export async function openKeys({ schemes, token }: AuthConfig, deps: KeysDeps): Promise<Keys | undefined> {
  if (!schemes.includes('token')) return undefined;
  const live = await openSealingKeys(token, {
    ...deps,
    mayUse: (keys) => held.canOpen(keys),
    onChange: () => held.reopen(),
  });
  const sealingKeys = (): SealingKeys => live.current();
  const { validMs, byQuery } = token;
  const held = createHeldKeys({ ...deps, sealingKeys });
  const owners = createKeyOwners();
  return {
    scheme: createTokenScheme({ held, owners, clock: deps.clock }),
    held,
    owners,
    sealingKeys,
    validMs,
    byQuery,
    load: () => held.load(),
    apply: (control) => held.apply(control),
    begin: () => beginKeyring({ ...deps, held, sealingKeys, validMs }),
    signingKeys: () => held.ring().keys.map(({ id }) => id),
    [Symbol.asyncDispose]: () => live[Symbol.asyncDispose](),
  };
}
