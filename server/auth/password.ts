/**
 * Passwords as they are kept in the configuration: salted scrypt hashes in one
 * line of text, `scrypt$N$r$p$salt$hash` (RFC 7914 parameters, base64 parts).
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

interface PasswordHash {
  cost: number;
  blockSize: number;
  parallelization: number;
  salt: Buffer;
  hash: Buffer;
}

/** 16 MiB and about 40 ms for each check. */
const DEFAULTS = { cost: 16_384, blockSize: 8, parallelization: 1 };

/** A configured hash may not make one check take more memory than this. */
const MAX_BYTES = 256 * 2 ** 20;

const SHAPE = /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,3})\$([A-Za-z0-9+/]+={0,2})\$([A-Za-z0-9+/]+={0,2})$/;

/** Reads a kept hash; undefined when it is none, or would cost too much. */
export function parsePasswordHash(text: string): PasswordHash | undefined {
  const match = SHAPE.exec(text);
  if (match === null) return undefined;
  const [cost, blockSize, parallelization] = [Number(match[1]), Number(match[2]), Number(match[3])];
  const salt = Buffer.from(match[4] ?? '', 'base64');
  const hash = Buffer.from(match[5] ?? '', 'base64');
  const isPowerOfTwo = cost > 1 && (cost & (cost - 1)) === 0;
  const isAffordable =
    blockSize > 0 && 128 * cost * blockSize <= MAX_BYTES && parallelization > 0 && parallelization <= 16;
  if (!isPowerOfTwo || !isAffordable || salt.length < 8 || hash.length < 16) return undefined;
  return { cost, blockSize, parallelization, salt, hash };
}

/** A line for the configuration, with a fresh salt. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const hash = await derive(password, { ...DEFAULTS, salt, hash: Buffer.alloc(32) });
  const { cost, blockSize, parallelization } = DEFAULTS;
  return `scrypt$${cost}$${blockSize}$${parallelization}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/** Whether the password is the one that was hashed; compared in constant time. */
export async function isPassword(password: string, kept: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, kept), kept.hash);
}

/** A hash that no password matches but that costs as much as `like` to check: for users that do not exist. */
export function unmatchable(like: PasswordHash | undefined): PasswordHash {
  return { ...(like ?? DEFAULTS), salt: randomBytes(16), hash: randomBytes(like?.hash.length ?? 32) };
}

function derive(password: string, kept: PasswordHash): Promise<Buffer> {
  const options = {
    cost: kept.cost,
    blockSize: kept.blockSize,
    parallelization: kept.parallelization,
    // OpenSSL counts a little more than 128 N r.
    maxmem: 2 * 128 * kept.cost * kept.blockSize * kept.parallelization + 2 ** 20,
  };
  return new Promise((resolve, reject) => {
    scrypt(password, kept.salt, kept.hash.length, options, (error, derived) => {
      if (error === null) resolve(derived);
      else reject(error);
    });
  });
}

export type { PasswordHash };
