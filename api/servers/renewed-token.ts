/**
 * Tokens for as long as a program runs: renewed before they end, and used while
 * they are good even when they cannot be renewed, as their provider may be away.
 */
import { performance } from 'node:perf_hooks';

export interface RenewedToken<Server> {
  /** The token, asked for when it is first needed and again before it ends. Rejects with what the asking does. */
  current(server: Server): Promise<string>;
  /** The token was refused: the next call is to have another. */
  drop(token: string): void;
}

export interface NewToken {
  token: string;
  /** From when it was asked for. */
  validMs: number;
}

/** A token is renewed when less than this part of its time is left. */
const RENEW_RATIO = 0.2;
/** So long from one renewal that failed to the next, while the token before is good. */
const RETRY_MS = 5_000;
/** No call waits longer for a renewal while the token before is good. */
const MAX_WAIT_MS = 1_000;

interface Held {
  token: string;
  since: Instant;
  /** Both from then on. */
  renewAfterMs: number;
  validMs: number;
}

/**
 * Tokens that servers of Armada issue for an access key. All servers of one Armada
 * take the tokens of each other.
 * @param exchange asks this server for a token, which is a JSON web token
 */
export function renewedToken<Server>(exchange: (server: Server) => Promise<string>): RenewedToken<Server> {
  return renewedBy(async (server) => {
    const token = await exchange(server);
    return { token, validMs: lifetimeMs(token) };
  });
}

/** @param issue gives a token, and another than the one that was refused, if there is any */
export function renewedBy<Server>(
  issue: (server: Server, refused: string | undefined) => Promise<NewToken>,
): RenewedToken<Server> {
  let held: Held | undefined;
  let refused: string | undefined;
  let asking: Promise<Held> | undefined;
  const ask = async (server: Server): Promise<Held> => {
    const since = now();
    const before = held;
    try {
      const { token, validMs } = await issue(server, refused);
      held = { token, since, renewAfterMs: validMs * (1 - RENEW_RATIO), validMs };
    } catch (error) {
      // Unless it was refused meanwhile.
      if (held === undefined || held !== before || !isGood(held)) throw error;
      held = { ...held, renewAfterMs: elapsedMs(held.since) + RETRY_MS };
    }
    return held;
  };
  return {
    async current(server) {
      if (held && elapsedMs(held.since) < held.renewAfterMs) return held.token;
      // Calls that come meanwhile wait for the same answer.
      asking ??= ask(server).finally(() => (asking = undefined));
      const { token } = held && isGood(held) ? await soonOr(held, asking) : await asking;
      return token;
    },
    drop(token) {
      // Others may have come by a new one since.
      if (token !== held?.token) return;
      held = undefined;
      refused = token;
    },
  };
}

function isGood({ since, validMs }: Held): boolean {
  return elapsedMs(since) < validMs;
}

/** What is asked for if it comes soon: a provider that is away may leave it unsaid for long. */
async function soonOr<Value>(otherwise: Value, asked: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Value>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), MAX_WAIT_MS);
  });
  return await Promise.race([asked, late]).finally(() => clearTimeout(timer));
}

interface Instant {
  monotonicMs: number;
  wallMs: number;
}

function now(): Instant {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}

/** The monotonic clock stands still while a machine sleeps, and that on the wall may be set back. */
function elapsedMs({ monotonicMs, wallMs }: Instant): number {
  return Math.max(performance.now() - monotonicMs, Date.now() - wallMs);
}

/** By the server's clock from beginning to end: that of this machine may be another. */
function lifetimeMs(token: string): number {
  const [, claims = ''] = token.split('.');
  const { iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
    iat: number;
    exp: number;
  };
  return (exp - iat) * 1000;
}
