import { z } from 'zod';
import { parseSealingKeys } from './sealing.ts';

/** Tokens that the server issues for access keys. */
export const tokenSchema = z.strictObject({
  encryptionKey: z
    .string()
    .refine((text) => parseSealingKeys(text) !== undefined, 'must be 32 bytes in base64')
    .optional()
    .describe(
      'Encrypts the signing keys in the store: 32 bytes in base64, as `openssl rand -base64 32` prints. All servers of a store have the same. Several, with spaces between: the first encrypts, all decrypt.',
    ),
  encryptionKeyFile: z
    .string()
    .min(1)
    .optional()
    .describe(
      'The same in a file, which nobody but the server should be able to read. Read again when it changes.',
    ),
  validMs: z
    .int()
    .min(1000)
    .max(30 * 24 * 60 * 60 * 1000)
    .default(60 * 60 * 1000)
    .describe('How long a token is good, in milliseconds. The same on all servers.'),
  byQuery: z
    .boolean()
    .default(false)
    .describe(
      'Whether an access key may be exchanged by `GET /v1/key/token` too, with the secret in the URL, which proxies write down.',
    ),
});

export type TokenConfig = z.output<typeof tokenSchema>;
