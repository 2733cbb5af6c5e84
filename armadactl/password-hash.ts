/** Passwords as the server's file of users keeps them: `scrypt$N$r$p$salt$hash` (RFC 7914 parameters, base64 parts). */
import { randomBytes, scrypt } from 'node:crypto';

/** 16 MiB and about 0.2 s for each check. */
const COST = { cost: 16_384, blockSize: 8, parallelization: 5 };

export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16);
  const maxmem = 64 * 1024 * 1024;
  const hash = await new Promise<Buffer>((resolve, reject) => {
    scrypt(password, salt, 32, { ...COST, maxmem }, (error, derived) =>
      error ? reject(error) : resolve(derived),
    );
  });
  const { cost, blockSize, parallelization } = COST;
  return ['scrypt', cost, blockSize, parallelization, salt.toString('base64'), hash.toString('base64')].join(
    '$',
  );
}
