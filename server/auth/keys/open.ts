/** Keys put together: what the scheme `token` and the services of keys share. */
import { readFileSync } from 'node:fs';
import type { Control } from '@armada-ts/api/armada/store/v1/store';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Scheme } from '../chain.ts';
import type { AuthConfig } from '../config.ts';
import type { TokenConfig } from './config.ts';
import { createHeldKeys, type HeldKeys, type KeyStore } from './held-keys.ts';
import { beginKeyring } from './keyring.ts';
import { createKeyOwners, type KeyOwners } from './owners.ts';
import { parseSealingKeys, type SealingKeys } from './sealing.ts';
import { createTokenScheme } from './token.ts';

export interface KeysDeps {
  store: KeyStore;
  clock: Clock;
  logger: Logger;
}

export interface Keys {
  scheme: Scheme;
  held: HeldKeys;
  owners: KeyOwners;
  sealingKeys: SealingKeys;
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

/** Undefined where the scheme is not configured. Throws INVALID_REQUEST without a key to encrypt with. */
export function openKeys({ schemes, token }: AuthConfig, deps: KeysDeps): Keys | undefined {
  if (!schemes.includes('token')) return undefined;
  const sealingKeys = sealingKeysOf(token);
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
  };
}

function sealingKeysOf({ encryptionKey, encryptionKeyFile: file }: TokenConfig): SealingKeys {
  if ((encryptionKey === undefined) === (file === undefined)) {
    const message =
      'auth.token: the scheme token needs encryptionKey or encryptionKeyFile, one of them; `openssl rand -base64 32` makes a key';
    throw new ArmadaError('INVALID_REQUEST', message);
  }
  const keys = parseSealingKeys(encryptionKey ?? readText(file ?? ''));
  if (keys) return keys;
  throw new ArmadaError('INVALID_REQUEST', 'auth.token.encryptionKeyFile: must hold 32 bytes in base64');
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ArmadaError('INVALID_REQUEST', `auth.token.encryptionKeyFile: ${String(error)}`, {
      cause: error,
    });
  }
}
