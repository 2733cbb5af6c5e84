/**
 * HTTP basic credentials (RFC 7617), checked against hashed passwords. A check is slow on purpose, so accepted credentials are
 * remembered for a minute, by a digest under a key that never leaves this
 * process, as long as the users stay as they are; checks are few at a time, and
 * fewer for who is often wrong; and an unknown user costs as much as a known one
 * with a wrong password.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import { type Scheme, credentialOf } from './chain.ts';
import { createGate } from './gate.ts';
import { createGuesses } from './guesses.ts';
import { type PasswordHash, isPassword, unmatchable } from './password.ts';
import type { Principal } from './principal.ts';
import type { Users, UserSource } from './users.ts';

const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 10_000;
const CHECKS_AT_ONCE = 2;
const MAX_WAITING_CHECKS = 100;
/** Longer than any name and password people type; keeps hashing of rubbish cheap. */
const MAX_CREDENTIAL_LENGTH = 4096;

interface Accepted {
  principal: Promise<Principal>;
  /** On the monotonic clock; infinite while the check is under way. */
  untilMs: number;
}

export function createBasicScheme(source: UserSource, clock: Clock): Scheme {
  const gate = createGate(CHECKS_AT_ONCE, MAX_WAITING_CHECKS);
  const guesses = createGuesses(clock);
  const digestKey = randomBytes(32);
  const digestOf = (text: string): Buffer => createHmac('sha256', digestKey).update(text).digest();
  const accepted = new Map<string, Accepted>();
  let seen = source();

  /** Users as they are now; what was remembered of others is forgotten. */
  const current = (): Users => {
    const users = source();
    if (users !== seen) accepted.clear();
    seen = users;
    return users;
  };

  /** As costly as one of the users, always the same for a name, so that it does not show who there is. */
  const nobody = (users: Users, name: string): PasswordHash => {
    const all = [...users.values()];
    return unmatchable(all[digestOf(name).readUInt32LE() % all.length]?.password);
  };

  async function check(name: string, password: string, peer: string): Promise<Principal> {
    guesses.demand(name, peer);
    return await gate(async () => {
      // Others may have guessed while this one waited.
      guesses.demand(name, peer);
      const users = current();
      const user = users.get(name);
      const isRight = await isPassword(password, user?.password ?? nobody(users, name));
      if (user !== undefined && isRight) {
        guesses.right(name, peer);
        return user.principal;
      }
      guesses.wrong(name, peer);
      throw new ArmadaError('UNAUTHENTICATED', 'the user name or the password is wrong');
    });
  }

  return {
    name: 'basic',
    challenge: 'Basic realm="armada", charset="UTF-8"',
    async authenticate(authorization, { peer }) {
      const credential = credentialOf(authorization, 'basic');
      if (credential === undefined) return undefined;
      const { name, password } = readCredential(credential);
      current();
      const digest = digestOf(credential).toString('base64');
      const found = accepted.get(digest);
      if (found !== undefined && clock.elapsed() < found.untilMs) return found.principal;

      // Calls that come with the same credentials meanwhile share this check.
      const entry: Accepted = { principal: check(name, password, peer), untilMs: Number.POSITIVE_INFINITY };
      accepted.delete(digest);
      accepted.set(digest, entry);
      try {
        const principal = await entry.principal;
        entry.untilMs = clock.elapsed() + REMEMBER_MS;
        return principal;
      } catch (error) {
        if (accepted.get(digest) === entry) accepted.delete(digest);
        throw error;
      } finally {
        const oldest = accepted.keys().next();
        if (accepted.size > MAX_REMEMBERED && !oldest.done) accepted.delete(oldest.value);
      }
    },
    lookUp: (name) => current().get(name)?.principal,
    recheck(principal) {
      if (current().get(principal.name)?.principal === principal) return undefined;
      return new ArmadaError(
        'UNAUTHENTICATED',
        'the user is no longer as it was; show your credentials again',
      );
    },
  };
}

function readCredential(credential: string): { name: string; password: string } {
  const isBase64 = credential.length <= MAX_CREDENTIAL_LENGTH && /^[A-Za-z0-9+/]+={0,2}$/.test(credential);
  const text = isBase64 ? Buffer.from(credential, 'base64').toString('utf8') : '';
  const colon = text.indexOf(':');
  if (colon < 1) {
    throw new ArmadaError('UNAUTHENTICATED', 'basic credentials must be "name:password" in base64');
  }
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}
