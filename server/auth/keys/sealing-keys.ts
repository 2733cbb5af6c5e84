/**
 * The keys that the keyring is encrypted with, from the configuration or from a
 * file, which is kept up with: so the encryption key is changed while servers run.
 */
import { readFile } from 'node:fs/promises';
import { ArmadaError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { keepLooking } from '../../base/looking.ts';
import type { TokenConfig } from './config.ts';
import { parseSealingKeys, type SealingKeys } from './sealing.ts';

export interface LiveSealingKeys extends AsyncDisposable {
  current(): SealingKeys;
}

export interface SealingKeyDeps {
  /** Whether the keyring would still be read with them. */
  mayUse: (keys: SealingKeys) => boolean;
  /** They are others from now on. */
  onChange: () => void;
  logger: Logger;
  lookMs?: number;
}

/** Rejects with INVALID_REQUEST without keys that can be used; later on those that were good stay. */
export async function openSealingKeys(
  { encryptionKey: given, encryptionKeyFile: file }: Pick<TokenConfig, 'encryptionKey' | 'encryptionKeyFile'>,
  deps: SealingKeyDeps,
): Promise<LiveSealingKeys> {
  if (given === undefined && file !== undefined) return await follow(file, deps);
  if (given !== undefined && file === undefined) {
    const keys = keysIn(given);
    return { current: () => keys, async [Symbol.asyncDispose]() {} };
  }
  const message =
    'auth.token: the scheme token needs encryptionKey or encryptionKeyFile, one of them; `openssl rand -base64 32` makes a key';
  throw new ArmadaError('INVALID_REQUEST', message);
}

async function follow(
  file: string,
  { mayUse, onChange, logger, lookMs }: SealingKeyDeps,
): Promise<LiveSealingKeys> {
  let text = await readText(file);
  let keys = keysIn(text);
  const look = async (): Promise<void> => {
    const found = await readText(file);
    if (found === text) return;
    const next = keysIn(found);
    if (!mayUse(next)) {
      const message = `${file} lacks the key that the keyring is encrypted with; \`armadactl keyring use\` encrypts it with the first of them`;
      throw new ArmadaError('INVALID_REQUEST', `auth.token.encryptionKeyFile: ${message}`);
    }
    text = found;
    keys = next;
    logger.info({ keys: keys.length }, 'the encryption keys of the keyring have changed');
    onChange();
  };
  const looking = keepLooking({
    look,
    onFault: (fault) => logger.warn({ fault }, 'the encryption keys cannot be read again; the old ones stay'),
    everyMs: lookMs,
  });
  return { current: () => keys, [Symbol.asyncDispose]: () => looking[Symbol.asyncDispose]() };
}

function keysIn(text: string): SealingKeys {
  const keys = parseSealingKeys(text);
  if (keys) return keys;
  throw new ArmadaError('INVALID_REQUEST', 'auth.token.encryptionKeyFile: must hold 32 bytes in base64');
}

async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ArmadaError('INVALID_REQUEST', `auth.token.encryptionKeyFile: ${String(error)}`, {
      cause: error,
    });
  }
}
