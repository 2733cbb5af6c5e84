/**
 * Tokens that the server issues for access keys: JSON web tokens (RFC 7519)
 * signed with HMAC-SHA256 by a key of the keyring, which only servers have. They
 * name the access key, and what its user may do is looked up with it: so they end
 * with it, at once. Of their headers nothing but the id of the signing key is
 * used, and that only to find it in memory.
 */
import { hash } from 'node:crypto';
import { decodeProtectedHeader, errors, jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import { keepNewest } from '../../base/keep-newest.ts';
import { type Scheme, credentialOf } from '../chain.ts';
import type { Principal } from '../principal.ts';
import type { HeldKey, HeldKeys } from './held-keys.ts';
import type { KeyOwners } from './owners.ts';

const SCHEME = 'token';
const ALGORITHM = 'HS256';
/** Tells our tokens from those of others, which are left to other schemes. */
const TYPE = 'armada+jwt';
const ISSUER = 'armada';
/** Ours have some 300 characters. */
const MAX_LENGTH = 4096;
const MAX_REMEMBERED = 10_000;

export interface TokenDeps {
  held: HeldKeys;
  owners: Pick<KeyOwners, 'of' | 'recheck'>;
  clock: Clock;
}

/** A token that was right, and what must stay so that it is. */
interface Accepted {
  principal: Principal;
  /** Its user, as their own scheme names them. */
  owner: Principal;
  expiresMs: number;
  accessKey: string;
  signedBy: string;
}

/** Whether somebody came with a token. */
export function isTokenPrincipal(principal: Principal): boolean {
  return principal.scheme === SCHEME;
}

/** Signs a token for whoever has the key. Throws UNAVAILABLE while there is nothing to sign with. */
export async function issueToken(
  { held, clock }: Pick<TokenDeps, 'held' | 'clock'>,
  { owner, key }: HeldKey,
  validMs: number,
): Promise<{ token: string; expiresMs: number }> {
  const primary = held.ring().keys.find((each) => each.primary);
  if (!primary) throw new ArmadaError('UNAVAILABLE', 'this server has no key to sign tokens with');
  const issuedAt = Math.floor(clock.now() / 1000);
  const expires = issuedAt + Math.ceil(validMs / 1000);
  const token = await new SignJWT({ key: key.id })
    .setProtectedHeader({ alg: ALGORITHM, typ: TYPE, kid: primary.id })
    .setIssuer(ISSUER)
    .setAudience(ISSUER)
    .setSubject(owner)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expires)
    .sign(primary.secret);
  return { token, expiresMs: expires * 1000 };
}

/** Lets in whoever has a token of an access key that is in use. */
export function createTokenScheme(deps: TokenDeps): Scheme {
  const accepted = new Map<string, Accepted>();
  const acceptedOf = new WeakMap<Principal, Accepted>();

  async function accept(token: string, kid: string, digest: string): Promise<Principal> {
    const found = await verify(deps, token, kid);
    const fault = faultOf(deps, found);
    if (fault) throw fault;
    keepNewest(accepted, digest, found, MAX_REMEMBERED);
    acceptedOf.set(found.principal, found);
    return found.principal;
  }

  return {
    name: SCHEME,
    challenge: 'Bearer realm="armada"',
    authenticate(authorization) {
      const token = credentialOf(authorization, 'bearer');
      if (token === undefined || token.length > MAX_LENGTH) return undefined;
      const digest = hash('sha256', token, 'base64');
      const known = accepted.get(digest);
      if (known && !faultOf(deps, known)) return known.principal;
      // What was right may be wrong now, or its user in other groups.
      accepted.delete(digest);
      const kid = signerOf(token);
      return kid === undefined ? undefined : accept(token, kid, digest);
    },
    recheck(principal) {
      const known = acceptedOf.get(principal);
      return known && faultOf(deps, known);
    },
  };
}

/** Id of the key that a token says it was signed with; undefined for what is no token of ours. */
function signerOf(token: string): string | undefined {
  try {
    const { typ, kid } = decodeProtectedHeader(token);
    return typ === TYPE ? (kid ?? '') : undefined;
  } catch {
    return undefined;
  }
}

/** What the token says, its signature proven. Throws UNAUTHENTICATED. */
async function verify(deps: TokenDeps, token: string, kid: string): Promise<Accepted> {
  const { held, clock, owners } = deps;
  if (!isHeld(held, kid)) await held.refresh();
  const signer = held.ring().keys.find(({ id }) => id === kid);
  if (!signer) throw refusal('the token was signed with a key that this server does not have');
  const options = {
    algorithms: [ALGORITHM],
    typ: TYPE,
    issuer: ISSUER,
    audience: ISSUER,
    requiredClaims: ['sub', 'key', 'iat', 'exp'],
    currentDate: new Date(clock.now()),
  };
  const { payload } = await jwtVerify(token, signer.secret, options).catch((error: unknown) => {
    if (error instanceof errors.JWTExpired) throw expired();
    throw refusal('the token is not valid');
  });
  const { sub = '', exp = 0, key } = payload;
  const accessKey = typeof key === 'string' ? key : '';
  if (!held.accessKey(accessKey)) await held.refresh();
  const found = keyInUse(held, accessKey, sub);
  if (found instanceof ArmadaError) throw found;
  const owner = await owners.of(found);
  const { groups, scopes } = owner;
  const expiresMs = exp * 1000;
  const principal = { name: sub, groups, scopes, scheme: SCHEME, expiresMs };
  return { principal, owner, expiresMs, accessKey, signedBy: kid };
}

/** Why a token is good no more; undefined while it is. */
function faultOf({ held, clock, owners }: TokenDeps, token: Accepted): ArmadaError | undefined {
  if (clock.now() >= token.expiresMs) return expired();
  if (!isHeld(held, token.signedBy)) return refusal('the key that the token was signed with was removed');
  const found = keyInUse(held, token.accessKey, token.principal.name);
  return found instanceof ArmadaError ? found : owners.recheck(token.owner);
}

/** The access key of a token, or why it is none. */
function keyInUse(held: HeldKeys, id: string, user: string): HeldKey | ArmadaError {
  const found = held.accessKey(id);
  if (found?.owner !== user) return refusal('the access key of the token was deleted');
  if (found.key.disabled) return refusal('the access key of the token is disabled');
  return found;
}

function isHeld(held: HeldKeys, kid: string): boolean {
  return held.ring().keys.some(({ id }) => id === kid);
}

function expired(): ArmadaError {
  return refusal('the token has expired; exchange the access key for another');
}

function refusal(message: string): ArmadaError {
  return new ArmadaError('UNAUTHENTICATED', message);
}
