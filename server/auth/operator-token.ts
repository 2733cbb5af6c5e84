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

const OPERATOR: Principal = { name: 'operator', groups: [], scopes: [], scheme: SCHEME };

/** @param secret of the store, see store/servers.ts */
export function operatorToken(secret: Uint8Array): string {
  return PREFIX + createHmac('sha256', secret).update(PURPOSE).digest('base64url');
}

/** Lets in whoever has the token. */
export function operatorTokenScheme(token: string): Scheme {
  const expected = digestOf(token);
  return {
    name: SCHEME,
    challenge: 'Bearer realm="armada operator"',
    authenticate(authorization) {
      const credential = credentialOf(authorization, 'bearer');
      if (!credential?.startsWith(PREFIX)) return undefined;
      if (timingSafeEqual(digestOf(credential), expected)) return OPERATOR;
      throw new ArmadaError('UNAUTHENTICATED', 'the operator token is not that of this store');
    },
  };
}

/** Whether somebody came with the token. */
export function hasOperatorToken(principal: Principal): boolean {
  return principal.scheme === SCHEME;
}

/** Of equal length, whatever was sent. */
function digestOf(text: string): Buffer {
  return createHmac('sha256', PURPOSE).update(text).digest();
}
