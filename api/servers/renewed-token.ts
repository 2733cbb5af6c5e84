/**
 * Tokens that a server of Armada issues for an access key, for as long as a
 * program runs. All servers of one Armada take the tokens of each other.
 */
import { performance } from 'node:perf_hooks';

export interface RenewedToken<Server> {
  /** The token, exchanged when it is first needed and again before it ends. Rejects with what the exchange does. */
  current(server: Server): Promise<string>;
  /** The token was refused: the next call is to have another. */
  drop(token: string): void;
}

/** A token is exchanged again when less than this part of its time is left. */
const RENEW_RATIO = 0.2;
/** So long from one exchange that failed to the next, while the token before is good. */
const RETRY_MS = 5_000;

interface Issued {
  token: string;
  /** Both on the monotonic clock. */
  renewAtMs: number;
  endsAtMs: number;
}

/** @param exchange asks this server for a token, which is a JSON web token */
export function renewedToken<Server>(exchange: (server: Server) => Promise<string>): RenewedToken<Server> {
  let held: Issued | undefined;
  let asking: Promise<Issued> | undefined;
  const ask = async (server: Server): Promise<Issued> => {
    const askedAtMs = performance.now();
    const before = held;
    try {
      const token = await exchange(server);
      const validMs = lifetimeMs(token);
      held = { token, renewAtMs: askedAtMs + validMs * (1 - RENEW_RATIO), endsAtMs: askedAtMs + validMs };
    } catch (error) {
      const nowMs = performance.now();
      // Unless it was refused meanwhile.
      if (held === undefined || held !== before || nowMs >= held.endsAtMs) throw error;
      held = { ...held, renewAtMs: nowMs + RETRY_MS };
    }
    return held;
  };
  return {
    async current(server) {
      if (held && performance.now() < held.renewAtMs) return held.token;
      // Calls that come meanwhile wait for the same answer.
      asking ??= ask(server).finally(() => (asking = undefined));
      return (await asking).token;
    },
    drop(token) {
      // Others may have come by a new one since.
      if (token === held?.token) held = undefined;
    },
  };
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
