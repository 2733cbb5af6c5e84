/**
 * Tokens that the API server was asked about, and what it said. It is believed
 * for a while; then it is asked again, once at a time for each token. Questions
 * are few at once, and strangers take turns by where they come from. While it
 * does not answer, tokens that were good before are believed, and no others.
 */
import { hash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import { keepNewest } from '../../base/keep-newest.ts';
import { createGate } from '../gate.ts';
import { networkOf } from '../network.ts';
import type { Principal } from '../principal.ts';
import type { AccountClaims } from './claims.ts';

/** Whom a token stands for, as the API server says; undefined when it is not good. Throws UNAVAILABLE. */
export type FindAccount = (token: string, claims: AccountClaims) => Promise<Principal | undefined>;

export interface AccountTokens {
  /** The holder of a token that was good, if that was not too long ago. Throws UNAUTHENTICATED when it no longer is, UNAVAILABLE. */
  known(token: string): Promise<Principal> | Principal | undefined;
  /** The holder of a token that is not known. Throws UNAUTHENTICATED, OVERLOADED or UNAVAILABLE. */
  learn(token: string, claims: AccountClaims, peer: string): Promise<Principal>;
  /** Why the holder of a token is to be believed no longer; undefined while they are. */
  recheck(principal: Principal): ArmadaError | undefined;
}

const QUESTIONS_AT_ONCE = 8;
const MAX_WAITING = 200;
const MAX_REMEMBERED = 10_000;
/** A token that was refused is asked about again after this: it may have been too new to be known everywhere. */
const REFUSED_MS = 2_000;
/** While the API server is away what it said is believed for so long, if the token lasts. */
const BRIDGE_MS = 60 * 60_000;

interface Accepted {
  readonly token: string;
  readonly claims: AccountClaims;
  readonly principal: Principal;
  /** When it was last known to be good, and when that was last asked, on the monotonic clock. */
  goodAtMs: number;
  askedAtMs: number;
  asking: Promise<void> | undefined;
  /** There was no answer the last time. */
  isUnanswered: boolean;
  /** Set when it is good no more. */
  fault: ArmadaError | undefined;
}

export function createAccountTokens(
  find: FindAccount,
  { cacheMs, clock }: { cacheMs: number; clock: Clock },
): AccountTokens {
  const gate = createGate(QUESTIONS_AT_ONCE, MAX_WAITING);
  const accepted = new Map<string, Accepted>();
  const acceptedOf = new WeakMap<Principal, Accepted>();
  const refusedUntilMs = new Map<string, number>();
  const learning = new Map<string, Promise<Principal>>();

  async function ask(known: Accepted): Promise<void> {
    const startedMs = clock.elapsed();
    try {
      // Of nobody's network: they are no strangers.
      const found = await gate([], () => find(known.token, known.claims));
      if (found?.name === known.principal.name) known.goodAtMs = startedMs;
      else known.fault = notGood();
      known.isUnanswered = false;
    } catch (error) {
      known.isUnanswered = true;
      if (!isBridged(known, clock)) throw error;
    }
    known.askedAtMs = clock.elapsed();
  }

  function askAgain(known: Accepted): Promise<void> {
    known.asking ??= ask(known).finally(() => (known.asking = undefined));
    return known.asking;
  }

  const isDue = ({ askedAtMs }: Accepted): boolean => clock.elapsed() - askedAtMs >= cacheMs;

  const faultOf = ({ claims, fault }: Accepted): ArmadaError | undefined =>
    clock.now() >= claims.expiresMs ? expired() : fault;

  async function askFirst(digest: string, about: { token: string; claims: AccountClaims; peer: string }) {
    const { token, claims, peer } = about;
    const startedMs = clock.elapsed();
    const principal = await gate([networkOf(peer)], () => find(token, claims));
    if (principal === undefined) {
      keepNewest(refusedUntilMs, digest, clock.elapsed() + REFUSED_MS, MAX_REMEMBERED);
      throw notGood();
    }
    const made = acceptedNow({ token, claims, principal }, startedMs);
    acceptedOf.set(principal, made);
    keepNewest(accepted, digest, made, MAX_REMEMBERED);
    return principal;
  }

  return {
    known(token) {
      const digest = digestOf(token);
      const found = accepted.get(digest);
      if (found === undefined) return undefined;
      const answer = (): Principal => {
        const fault = faultOf(found);
        if (fault === undefined) return found.principal;
        accepted.delete(digest);
        throw fault;
      };
      if (!isDue(found) || faultOf(found) !== undefined) return answer();
      const asking = askAgain(found).then(answer);
      asking.catch(() => {});
      // Who does not answer is not waited for again and again.
      return found.isUnanswered && isBridged(found, clock) ? answer() : asking;
    },
    async learn(token, claims, peer) {
      const digest = digestOf(token);
      if (clock.now() >= claims.expiresMs) throw expired();
      if (clock.elapsed() < (refusedUntilMs.get(digest) ?? 0)) throw notGood();
      const shared = learning.get(digest);
      if (shared) return await shared;
      const asked = askFirst(digest, { token, claims, peer }).finally(() => learning.delete(digest));
      learning.set(digest, asked);
      return await asked;
    },
    recheck(principal) {
      const found = acceptedOf.get(principal);
      if (found === undefined) return undefined;
      // What is known now is told; what comes of this, the next time.
      if (isDue(found)) askAgain(found).catch(() => {});
      return faultOf(found);
    },
  };
}

function acceptedNow(about: Pick<Accepted, 'token' | 'claims' | 'principal'>, nowMs: number): Accepted {
  const times = { goodAtMs: nowMs, askedAtMs: nowMs };
  return { ...about, ...times, asking: undefined, isUnanswered: false, fault: undefined };
}

function isBridged({ goodAtMs }: Accepted, clock: Clock): boolean {
  return clock.elapsed() - goodAtMs < BRIDGE_MS;
}

function digestOf(token: string): string {
  return hash('sha256', token, 'base64');
}

function expired(): ArmadaError {
  return new ArmadaError('UNAUTHENTICATED', 'the token has expired; read it again from where it is renewed');
}

function notGood(): ArmadaError {
  return new ArmadaError('UNAUTHENTICATED', 'the Kubernetes cluster does not know the token');
}
