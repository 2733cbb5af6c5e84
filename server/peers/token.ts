/**
 * How servers know each other: by the store's secret, which only those can read
 * that may read and change everything anyway. It never travels. A call carries
 *
 *     <caller>.<expiry>.<HMAC-SHA256 of the secret over caller, callee, expiry>
 *
 * so a token is good for one callee, and for no longer than a minute. Clocks of
 * servers may differ by some minutes; time is all that is asked of them.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';

/** Makes the tokens of one server and checks those that it is shown. */
export interface PeerTokens {
  /** A token for a call to the server with this id. */
  tokenFor(calleeId: string): string;
  /** Id of the server that made the token for this one; undefined when it is not to be believed, for whatever reason. */
  callerOf(token: string): string | undefined;
}

const VALID_MS = 60_000;

const CLOCK_DIFFERENCE_MS = 5 * 60_000;

/** Ids of servers are random and have no other characters. */
const FORM = /^([\w-]{1,64})\.(\d{1,15})\.([\w-]{43})$/;

export function createPeerTokens(secret: Uint8Array, ownId: string, clock: Clock): PeerTokens {
  const sign = (callerId: string, calleeId: string, expiryMs: number): string =>
    createHmac('sha256', secret).update(`${callerId}|${calleeId}|${expiryMs}`).digest('base64url');
  return {
    tokenFor(calleeId) {
      const expiryMs = clock.now() + VALID_MS;
      return `${ownId}.${expiryMs}.${sign(ownId, calleeId, expiryMs)}`;
    },
    callerOf(token) {
      const [, callerId = '', expiry = '', signature = ''] = FORM.exec(token) ?? [];
      const expiryMs = Number(expiry);
      const given = Buffer.from(signature);
      const wanted = Buffer.from(sign(callerId, ownId, expiryMs));
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
      const leftMs = expiryMs - clock.now();
      // One that lasts longer than any is made may have been made by a clock that is ahead, or is kept for later.
      if (leftMs < -CLOCK_DIFFERENCE_MS || leftMs > VALID_MS + CLOCK_DIFFERENCE_MS) return undefined;
      return callerId;
    },
  };
}
