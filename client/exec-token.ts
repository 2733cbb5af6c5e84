import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { renewed } from './open-id.ts';

/** A command that prints a token. */
export interface TokenCommand {
  cmd: string;
  args: readonly string[];
  /** Added to the environment. */
  env: Readonly<Record<string, string>>;
}

const TIMEOUT_MS = 60_000;
const MAX_BYTES = 64 * 1024;
/** A token that does not say when it ends is asked for again after this. */
const OPAQUE_VALID_MS = 60_000;

const run = promisify(execFile);

/**
 * For `authorization` of `connect`: what a command prints, sent as a bearer token.
 * It runs when a token is first needed, and again before that ends.
 * @param environment what the command finds there, such as `process.env`
 */
export function execAuthorization(
  { cmd, args, env }: TokenCommand,
  environment: Readonly<Record<string, string | undefined>>,
): () => Promise<string> {
  return renewed(async () => {
    const options = { env: { ...environment, ...env }, timeout: TIMEOUT_MS, maxBuffer: MAX_BYTES };
    const { stdout } = await run(cmd, args, options).catch((error: NodeJS.ErrnoException) => {
      // Its message holds all arguments, which may be secrets.
      throw new Error(`the command ${cmd} of execAuth failed (${error.code ?? 'ended by a signal'})`);
    });
    const accessToken = stdout.trim();
    if (!/^[\x21-\x7e]+$/.test(accessToken))
      throw new Error(`the command ${cmd} of execAuth printed no token`);
    return { accessToken, expiresAtMs: expiryOf(accessToken), refreshToken: undefined };
  });
}

/** When a token ends, by what it says itself if it is a JSON web token. */
function expiryOf(token: string): number {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    const { exp } = { exp: undefined, ...(claims as object) };
    if (typeof exp === 'number') return exp * 1000;
  } catch {
    // Of another kind.
  }
  return Date.now() + OPAQUE_VALID_MS;
}
