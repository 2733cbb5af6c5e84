import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type OwnBearer, renewed } from './open-id.ts';

/** A command that prints a token. */
export interface TokenCommand {
  cmd: string;
  args: readonly string[];
  /** Added to the environment. */
  env: Readonly<Record<string, string>>;
  /** It may ask whoever is at the terminal, and takes as long as they do. */
  interactive?: boolean | undefined;
}

const TIMEOUT_MS = 60_000;
const INTERACTIVE_TIMEOUT_MS = 10 * 60_000;
const MAX_BYTES = 64 * 1024;
/** A token that does not say when it ends is asked for again after this. */
const OPAQUE_VALID_MS = 60_000;

/**
 * For `authorization` of `connect`: what a command prints, sent as a bearer token.
 * It runs when a token is first needed, and again before that ends.
 * @param environment what the command finds there, such as `process.env`
 */
export function execAuthorization(
  command: TokenCommand,
  environment: Readonly<Record<string, string | undefined>>,
): OwnBearer {
  return renewed(async () => {
    const accessToken = (await outputOf(command, environment)).trim();
    if (!/^[\x21-\x7e]+$/.test(accessToken))
      throw new Error(`the command ${command.cmd} of execAuth printed no token`);
    return { accessToken, expiresAtMs: expiryOf(accessToken), refreshToken: undefined };
  });
}

async function outputOf(
  { cmd, args, env, interactive = false }: TokenCommand,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const others = interactive ? 'inherit' : 'ignore';
  const child = spawn(cmd, args, {
    env: { ...environment, ...env },
    stdio: [others, 'pipe', others],
    timeout: interactive ? INTERACTIVE_TIMEOUT_MS : TIMEOUT_MS,
  });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more: string) => {
    text += more;
    if (text.length > MAX_BYTES) child.kill();
  });
  // Its arguments may be secrets, and are not told.
  const failure = (reason: string) => new Error(`the command ${cmd} of execAuth failed (${reason})`);
  const [code, signal] = (await once(child, 'close').catch((error: NodeJS.ErrnoException) => {
    throw failure(error.code ?? 'unknown');
  })) as [number | null, string | null];
  if (code !== 0) throw failure(signal === null ? String(code) : 'ended by a signal');
  return text;
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
