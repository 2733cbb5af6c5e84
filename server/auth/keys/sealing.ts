/**
 * Signing keys as the store has them: encrypted with a key that is not in it, so
 * that a copy of the store issues no tokens. AES-256-GCM:
 *
 *     1 byte version | 12 bytes nonce | ciphertext | 16 bytes tag
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/** The first encrypts, all decrypt: so the key can be changed. */
export type SealingKeys = readonly [Buffer, ...Buffer[]];

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const VERSION = 1;
/** What is sealed for one purpose opens for no other. */
const PURPOSE = Buffer.from('armada keyring');

/** Keys in base64 with white space between; undefined for any other text. */
export function parseSealingKeys(text: string): SealingKeys | undefined {
  const [first, ...others] = text
    .trim()
    .split(/\s+/)
    .map((word) => Buffer.from(/^[A-Za-z0-9+/]{43}=$/.test(word) ? word : '', 'base64'));
  if (!first || [first, ...others].some(({ length }) => length !== KEY_BYTES)) return undefined;
  return [first, ...others];
}

export function seal(plain: Uint8Array, [key]: SealingKeys): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(PURPOSE);
  const sealed = [cipher.update(plain), cipher.final()];
  return Buffer.concat([Buffer.of(VERSION), nonce, ...sealed, cipher.getAuthTag()]);
}

/** Undefined when none of the keys opens it. */
export function unseal(sealed: Uint8Array, keys: SealingKeys): Buffer | undefined {
  if (sealed[0] !== VERSION || sealed.length < 1 + NONCE_BYTES + TAG_BYTES) return undefined;
  const nonce = sealed.subarray(1, 1 + NONCE_BYTES);
  const content = sealed.subarray(1 + NONCE_BYTES, -TAG_BYTES);
  for (const key of keys) {
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(PURPOSE);
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(content), decipher.final()]);
    } catch {
      // Sealed with another key, or damaged.
    }
  }
  return undefined;
}
