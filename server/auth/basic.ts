/**
 * HTTP basic credentials (RFC 7617), checked against hashed passwords in the
 * configuration. A check is slow on purpose, so accepted credentials are
 * remembered for a minute, by a digest under a key that never leaves this
 * process; checks are few at a time; and an unknown user costs as much as a
 * known one with a wrong password.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import { type Scheme, credentialOf } from './chain.ts';
import type { AuthConfig } from './config.ts';
import { createGate } from './gate.ts';
import { type PasswordHash, isPassword, parsePasswordHash, unmatchable } from './password.ts';
import type { Principal } from './principal.ts';

const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 10_000;
const CHECKS_AT_ONCE = 2;
const MAX_WAITING_CHECKS = 100;
/** Longer than any name and password people type; keeps hashing of rubbish cheap. */
const MAX_CREDENTIAL_LENGTH = 4096;

interface User {
  principal: Principal;
  password: PasswordHash;
}

interface Accepted {
  principal: Promise<Principal>;
  /** On the monotonic clock; infinite while the check is under way. */
  untilMs: number;
}

/** @param users as configured, with hashes that the schema has checked */
export function createBasicScheme(users: AuthConfig['basic']['users'], clock: Clock): Scheme {
  const known = knownUsers(users);
  const nobody = unmatchable([...known.values()][0]?.password);
  const gate = createGate(CHECKS_AT_ONCE, MAX_WAITING_CHECKS);
  const digestKey = randomBytes(32);
  const accepted = new Map<string, Accepted>();

  async function check(name: string, password: string): Promise<Principal> {
    const user = known.get(name);
    const isRight = await gate(() => isPassword(password, user?.password ?? nobody));
    if (user === undefined || !isRight)
      throw new ArmadaError('UNAUTHENTICATED', 'the user name or the password is wrong');
    return user.principal;
  }

  return {
    name: 'basic',
    challenge: 'Basic realm="armada", charset="UTF-8"',
    async authenticate(authorization) {
      const credential = credentialOf(authorization, 'basic');
      if (credential === undefined) return undefined;
      const { name, password } = readCredential(credential);
      const digest = createHmac('sha256', digestKey).update(credential).digest('base64');
      const found = accepted.get(digest);
      if (found !== undefined && clock.elapsed() < found.untilMs) return found.principal;

      // Calls that come with the same credentials meanwhile share this check.
      const entry: Accepted = { principal: check(name, password), untilMs: Number.POSITIVE_INFINITY };
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
  };
}

function knownUsers(users: AuthConfig['basic']['users']): Map<string, User> {
  const known = new Map<string, User>();
  for (const [name, { password, groups }] of Object.entries(users)) {
    const hash = parsePasswordHash(password);
    if (hash === undefined)
      throw new ArmadaError('INVALID_REQUEST', `the password hash of user ${name} cannot be read`);
    known.set(name, { principal: { name, groups, scopes: [], scheme: 'basic' }, password: hash });
  }
  return known;
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
