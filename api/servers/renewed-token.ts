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

/** @param exchange asks this server for a token, which is a JSON web token */
export function renewedToken<Server>(exchange: (server: Server) => Promise<string>): RenewedToken<Server> {
  let renewAtMs = 0;
  let current: Promise<string> | undefined;
  let issued: string | undefined;
  const ask = async (server: Server): Promise<string> => {
    const askedAtMs = performance.now();
    issued = await exchange(server);
    renewAtMs = askedAtMs + lifetimeMs(issued) * (1 - RENEW_RATIO);
    return issued;
  };
  return {
    current(server) {
      if (current && performance.now() < renewAtMs) return current;
      // Calls that come meanwhile wait for the same answer.
      renewAtMs = Number.POSITIVE_INFINITY;
      const asked = ask(server);
      current = asked;
      asked.catch(() => {
        if (current === asked) current = undefined;
      });
      return asked;
    },
    drop(token) {
      // Others may have come by a new one since.
      if (token === issued) current = undefined;
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
