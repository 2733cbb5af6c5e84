/**
 * HTTP basic credentials (RFC 7617), checked against hashed passwords. A check is slow on purpose, so accepted credentials are
 * remembered, by a digest under a key that never leaves this process, for as
 * long as they are used and the user stays as it is. Checks are few at a time,
 * and fewer for who is often wrong; and an unknown user costs as much as a known
 * one with a wrong password.
 */
import { hash, randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import { keepNewest } from '../base/keep-newest.ts';
import { type Scheme, credentialOf } from './chain.ts';
import { createGate } from './gate.ts';
import { createGuesses } from './guesses.ts';
import { networkOf } from './network.ts';
import { type PasswordHash, isPassword, unmatchable } from './password.ts';
import type { Principal } from './principal.ts';
import type { User, Users, UserSource } from './users.ts';

/** From one call to the next: then they are checked again. */
const REMEMBER_MS = 60 * 60_000;
const MAX_REMEMBERED = 10_000;
const CHECKS_AT_ONCE = 2;
const MAX_WAITING_CHECKS = 100;
/** Longer than any name and password people type; keeps hashing of rubbish cheap. */
const MAX_CREDENTIAL_LENGTH = 4096;

interface Accepted {
  user: User;
  /** On the monotonic clock. */
  untilMs: number;
}

export function createBasicScheme(source: UserSource, clock: Clock): Scheme {
  const gate = createGate(CHECKS_AT_ONCE, MAX_WAITING_CHECKS);
  const guesses = createGuesses(clock);
  // A keyed digest in one call: one made by createHmac takes twenty times as long, which every call would pay.
  const digestKey = randomBytes(32).toString('base64');
  const digestOf = (text: string): string => hash('sha256', digestKey + text);
  const accepted = new Map<string, Accepted>();
  /** Checks that calls with the same credentials share. */
  const underWay = new Map<string, Promise<Principal>>();

  /** As costly as one of the users, always the same for a name, so that it does not show who there is. */
  const nobody = (users: Users, name: string): PasswordHash => {
    const all = [...users.values()];
    return unmatchable(all[Number.parseInt(digestOf(name).slice(0, 8), 16) % all.length]?.password);
  };

  async function check(credential: string, digest: string, peer: string): Promise<Principal> {
    const { name, password } = readCredential(credential);
    guesses.demand(name, peer);
    return await gate([`network ${networkOf(peer)}`, `user ${name}`], async () => {
      // Others may have guessed while this one waited.
      guesses.demand(name, peer);
      const users = source();
      const user = users.get(name);
      const isRight = await isPassword(password, user?.password ?? nobody(users, name));
      if (user !== undefined && isRight) {
        remember(digest, user);
        return user.principal;
      }
      guesses.wrong(name, peer);
      throw new ArmadaError('UNAUTHENTICATED', 'the user name or the password is wrong');
    });
  }

  function remember(digest: string, user: User): void {
    keepNewest(accepted, digest, { user, untilMs: clock.elapsed() + REMEMBER_MS }, MAX_REMEMBERED);
  }

  return {
    name: 'basic',
    challenge: 'Basic realm="armada", charset="UTF-8"',
    authenticate(authorization, { peer }) {
      const credential = credentialOf(authorization, 'basic');
      if (credential === undefined) return undefined;
      if (credential.length > MAX_CREDENTIAL_LENGTH) throw malformed();
      const digest = digestOf(credential);
      const known = accepted.get(digest);
      const nowMs = clock.elapsed();
      if (known && nowMs < known.untilMs && source().get(known.user.principal.name) === known.user) {
        known.untilMs = nowMs + REMEMBER_MS;
        return known.user.principal;
      }
      const shared = underWay.get(digest);
      if (shared) return shared;
      const checking = check(credential, digest, peer).finally(() => underWay.delete(digest));
      underWay.set(digest, checking);
      return checking;
    },
    lookUp: (name) => source().get(name)?.principal,
    recheck(principal) {
      if (source().get(principal.name)?.principal === principal) return undefined;
      return new ArmadaError(
        'UNAUTHENTICATED',
        'the user is no longer as it was; show your credentials again',
      );
    },
  };
}

function readCredential(credential: string): { name: string; password: string } {
  const text = Buffer.from(credential, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  // One way of writing each: what is left out in decoding was meant as something.
  if (colon < 1 || Buffer.from(text).toString('base64') !== padded(credential)) throw malformed();
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

function padded(base64: string): string {
  return base64.padEnd(Math.ceil(base64.length / 4) * 4, '=');
}

function malformed(): ArmadaError {
  return new ArmadaError('UNAUTHENTICATED', 'basic credentials must be "name:password" in base64');
}
