/**
 * Tokens of people who logged in, kept in a file that only they can read, and
 * renewed by the refresh token. A provider may take each refresh token once, so
 * programs that run at the same time take turns.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type IssuedTokens,
  type OpenIdClient,
  type OwnBearer,
  renewed,
  requestTokens,
  revokeToken,
} from './open-id.ts';

/** A token is renewed this long before it ends: it must still be good when it arrives. */
const SPARE_MS = 30_000;
/** So long from one renewal that failed to the next. */
const RETRY_MS = 5_000;
/** A renewal takes less; what is older was left by a program that died. */
const MAX_LOCK_MS = 30_000;
const LOCK_POLL_MS = 50;

/** Where the tokens for a client of a provider are kept. */
export function loginFile(homeDirectory: string, client: OpenIdClient): string {
  const { providerUrl, clientId, scopes, audience, resources = [] } = client;
  const text = JSON.stringify([providerUrl, clientId, [...scopes].sort(), audience, [...resources].sort()]);
  const name = createHash('sha256').update(text).digest('hex').slice(0, 32);
  return join(homeDirectory, '.armadactl', 'logins', `${name}.json`);
}

/** Keeps the tokens of whoever has logged in, in the place of whoever had before. */
export async function keepLogin(
  homeDirectory: string,
  client: OpenIdClient,
  tokens: IssuedTokens,
): Promise<void> {
  const path = loginFile(homeDirectory, client);
  const directory = dirname(path);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  chmodSync(directory, 0o700);
  // A renewal that is under way would bring the one before back.
  await alone(`${path}.lock`, async () => writeLogin(path, tokens));
}

function writeLogin(path: string, tokens: IssuedTokens): void {
  const next = `${path}.${process.pid}.new`;
  rmSync(next, { force: true });
  writeFileSync(next, JSON.stringify(tokens), { mode: 0o600, flag: 'wx' });
  renameSync(next, path);
}

/** For `authorization` of `connect`: the token of whoever logged in with `armadactl login`. */
export function loginAuthorization(homeDirectory: string, client: OpenIdClient): OwnBearer {
  const path = loginFile(homeDirectory, client);
  return renewed(async (refused) => {
    const kept = readLogin(path);
    return isFresh(kept, refused) ? kept : alone(`${path}.lock`, () => renew(path, client, refused));
  });
}

export interface Forgotten {
  wasLoggedIn: boolean;
  /** Why the provider may still take the tokens; undefined when it has taken them back. */
  notRevoked?: string | undefined;
}

/** Forgets whoever logged in, here and, where it offers that, at the provider. */
export async function forgetLogin(homeDirectory: string, client: OpenIdClient): Promise<Forgotten> {
  const path = loginFile(homeDirectory, client);
  if (!existsSync(path)) return { wasLoggedIn: false };
  // A renewal that is under way would bring it back.
  return await alone(`${path}.lock`, async () => {
    const kept = parseLogin(path);
    rmSync(path, { force: true });
    return { wasLoggedIn: kept !== undefined, notRevoked: kept && (await revoke(client, kept)) };
  });
}

/** Why not, where it cannot be. */
async function revoke(
  client: OpenIdClient,
  { accessToken, refreshToken }: IssuedTokens,
): Promise<string | undefined> {
  try {
    const isRevoked = await revokeToken(client, refreshToken ?? accessToken);
    return isRevoked ? undefined : 'it does not offer to take tokens back';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function renew(path: string, client: OpenIdClient, refused: string | undefined): Promise<IssuedTokens> {
  // Somebody else may have done it meanwhile.
  const kept = readLogin(path);
  if (isFresh(kept, refused)) return kept;
  try {
    return await requestRenewal(path, client, kept);
  } catch (error) {
    if (kept.accessToken === refused || Date.now() >= kept.expiresAtMs) throw error;
    // The provider may be away: what is left is used, and soon renewal tried again.
    const expiresAtMs = Math.min(kept.expiresAtMs, Date.now() + RETRY_MS);
    return { ...kept, expiresAtMs };
  }
}

async function requestRenewal(path: string, client: OpenIdClient, kept: IssuedTokens): Promise<IssuedTokens> {
  const { refreshToken } = kept;
  if (refreshToken === undefined)
    throw new Error('the login has expired; log in again with `armadactl login`');
  const grant = { grant_type: 'refresh_token', refresh_token: refreshToken };
  const issued = await requestTokens(client, grant).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the login cannot be renewed (${reason}); log in again with \`armadactl login\``, {
      cause: error,
    });
  });
  const next = { ...issued, refreshToken: issued.refreshToken ?? refreshToken };
  writeLogin(path, next);
  return next;
}

function isFresh({ accessToken, expiresAtMs }: IssuedTokens, refused: string | undefined): boolean {
  return accessToken !== refused && Date.now() < expiresAtMs - SPARE_MS;
}

/** Throws an Error that says what to do where nobody has logged in. */
function readLogin(path: string): IssuedTokens {
  const kept = parseLogin(path);
  if (kept === undefined) throw new Error('nobody is logged in; log in with `armadactl login`');
  return kept;
}

/** A file that cannot be used is as one that is not there. */
function parseLogin(path: string): IssuedTokens | undefined {
  try {
    const kept: unknown = JSON.parse(readFileSync(path, 'utf8'));
    const { accessToken, expiresAtMs, refreshToken } = kept as Record<string, unknown>;
    if (typeof accessToken !== 'string' || typeof expiresAtMs !== 'number') return undefined;
    return {
      accessToken,
      expiresAtMs,
      refreshToken: typeof refreshToken === 'string' ? refreshToken : undefined,
    };
  } catch {
    return undefined;
  }
}

async function alone<Value>(lock: string, act: () => Promise<Value>): Promise<Value> {
  while (!taken(lock)) await sleep(LOCK_POLL_MS);
  try {
    return await act();
  } finally {
    rmSync(lock, { force: true });
  }
}

function taken(lock: string): boolean {
  try {
    writeFileSync(lock, '', { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    const age = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (age > MAX_LOCK_MS) rmSync(lock, { force: true });
    return false;
  }
}
