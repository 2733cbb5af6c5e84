/**
 * The first credential of operators: a bearer token that follows from the secret
 * of the store, so that all its servers take it and none has to tell another of
 * it. It is good on the operator port alone, and for what is done there.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { ArmadaError } from '../base/errors.ts';
import { type Scheme, credentialOf } from './chain.ts';
import type { Principal } from './principal.ts';

/** Tells it from tokens of other makes; whoever scans for lost secrets finds it by this. */
const PREFIX = 'armada-operator-';

/** What else follows from the secret must not follow in the same way. */
const PURPOSE = 'first credential of operators';

const SCHEME = 'operator-token';

/**
 * @param secret of the store, see store/servers.ts
 * @param salt random, once the token has been changed; empty before
 */
export function operatorToken(secret: Uint8Array, salt: Uint8Array = new Uint8Array()): string {
  return PREFIX + createHmac('sha256', secret).update(PURPOSE).update(salt).digest('base64url');
}

/** Lets in whoever has the token, which may become another at any time. */
export function operatorTokenScheme(current: () => string): Scheme {
  let known = bearerOf(current());
  const now = (): Bearer => {
    const token = current();
    if (token !== known.token) known = bearerOf(token);
    return known;
  };
  return {
    name: SCHEME,
    challenge: 'Bearer realm="armada operator"',
    authenticate(authorization) {
      const credential = credentialOf(authorization, 'bearer');
      if (!credential?.startsWith(PREFIX)) return undefined;
      const { digest, operator } = now();
      if (timingSafeEqual(digestOf(credential), digest)) return operator;
      throw refusal();
    },
    recheck: (principal) => (principal === now().operator ? undefined : refusal()),
  };
}

/** Whether somebody came with the token. */
export function hasOperatorToken(principal: Principal): boolean {
  return principal.scheme === SCHEME;
}

interface Bearer {
  token: string;
  digest: Buffer;
  /** Another object for every token. */
  operator: Principal;
}

function bearerOf(token: string): Bearer {
  const operator = { name: 'operator', groups: [], scopes: [], scheme: SCHEME };
  return { token, digest: digestOf(token), operator };
}

function refusal(): ArmadaError {
  return new ArmadaError('UNAUTHENTICATED', 'the operator token is not that of this store');
}

/** Of equal length, whatever was sent. */
function digestOf(text: string): Buffer {
  return createHmac('sha256', PURPOSE).update(text).digest();
}
