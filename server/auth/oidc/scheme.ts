/**
 * Access tokens of OpenID Connect providers: JSON web tokens (RFC 9068), sent as
 * bearer tokens. What a token says before its signature is proven is used to
 * choose among the providers and keys that are known, and for nothing else: no
 * address is ever taken from it.
 */
import { hash } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, errors, jwtVerify } from 'jose';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import { keepNewest } from '../../base/keep-newest.ts';
import { type Scheme, credentialOf } from '../chain.ts';
import type { Principal } from '../principal.ts';
import { principalOf, refusal, refuseIdToken, refuseOtherClients, SCHEME } from './claims.ts';
import type { ProviderConfig } from './config.ts';
import type { ProviderKeys } from './provider-keys.ts';

/** A provider and what is known of it. */
export interface Provider {
  config: ProviderConfig;
  keys: ProviderKeys;
}

export interface OidcDeps {
  providers: readonly Provider[];
  /** Claims whose values decide about permissions. */
  wantedClaims: readonly string[];
  clock: Clock;
}

/** Longer than what proxies and servers commonly take as a header. */
const MAX_LENGTH = 16 * 1024;
const MAX_KID_LENGTH = 256;
const LEEWAY_MS = 60_000;
/** So long a token that was right is not looked at again. */
const REMEMBER_MS = 60_000;
const MAX_REMEMBERED = 10_000;
/** Of other schemes' tokens, which need not be taken apart with every call. */
const MAX_FOREIGN = 1_000;

/** A token that was right, and what must stay so that it is. */
interface Accepted {
  principal: Principal;
  expiresMs: number;
  kid: string;
  keys: ProviderKeys;
}

export function createOidcScheme({ providers, wantedClaims, clock }: OidcDeps): Scheme {
  const byIssuer = new Map(providers.map((provider) => [provider.config.issuer, provider]));
  const foreign = new Set<string>();
  const remembered = new Map<string, { principal: Principal; untilMs: number }>();
  const acceptedOf = new WeakMap<Principal, Accepted>();

  async function accept(token: string, provider: Provider, digest: string): Promise<Principal> {
    const accepted = await verify(token, provider, { wantedClaims, clock });
    const { principal, expiresMs } = accepted;
    acceptedOf.set(principal, accepted);
    const untilMs = Math.min(expiresMs, clock.now() + REMEMBER_MS);
    keepNewest(remembered, digest, { principal, untilMs }, MAX_REMEMBERED);
    return principal;
  }

  return {
    name: SCHEME,
    challenge: 'Bearer realm="armada"',
    authenticate(authorization) {
      const token = credentialOf(authorization, 'bearer');
      if (token === undefined) return undefined;
      if (token.length > MAX_LENGTH) throw refusal(`a token must have at most ${MAX_LENGTH} characters`);
      const digest = hash('sha256', token, 'base64');
      const known = remembered.get(digest);
      if (known && clock.now() < known.untilMs) return known.principal;
      if (foreign.has(digest)) return undefined;
      const provider = byIssuer.get(issuerOf(token) ?? '');
      if (provider) return accept(token, provider, digest);
      if (foreign.size >= MAX_FOREIGN) foreign.clear();
      foreign.add(digest);
      return undefined;
    },
    recheck(principal) {
      const accepted = acceptedOf.get(principal);
      if (!accepted) return undefined;
      if (clock.now() >= accepted.expiresMs) return expired();
      return accepted.keys.has(accepted.kid)
        ? undefined
        : refusal('the key that the token is signed with is good no more');
    },
  };
}

/** Whose token it says it is; undefined for what is no token of this kind, which other schemes may know. */
function issuerOf(token: string): string | undefined {
  try {
    const { iss } = decodeJwt(token);
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}

/** Throws UNAUTHENTICATED, or UNAVAILABLE when it cannot be known. */
async function verify(
  token: string,
  { config, keys }: Provider,
  { wantedClaims, clock }: Pick<OidcDeps, 'wantedClaims' | 'clock'>,
): Promise<Accepted> {
  const { kid, isUntyped } = headerOf(token, config);
  const nowMs = clock.now();
  const { payload } = await jwtVerify(token, (header) => keys.find(header, kid), {
    algorithms: config.algorithms,
    issuer: config.issuer,
    audience: config.audience,
    requiredClaims: ['sub', 'iat', 'exp'],
    clockTolerance: LEEWAY_MS / 1000,
    currentDate: new Date(nowMs),
  }).catch((error: unknown) => {
    throw explained(error);
  });
  const { iat = 0, exp = 0 } = payload;
  if (iat * 1000 > nowMs + LEEWAY_MS) throw refusal('the token was issued in the future');
  if (isUntyped) refuseIdToken(payload);
  refuseOtherClients(payload, config.clients);
  const expiresMs = exp * 1000;
  const principal = { ...principalOf(payload, config, wantedClaims), expiresMs };
  return { principal, expiresMs, kid, keys };
}

/** Throws UNAUTHENTICATED for a token of another kind, and for one that does not name its key. */
function headerOf(token: string, { tokenTypes }: ProviderConfig): { kid: string; isUntyped: boolean } {
  let header: { kid?: unknown; typ?: unknown };
  try {
    header = decodeProtectedHeader(token);
  } catch {
    throw refusal('the token cannot be read');
  }
  const { kid, typ = 'JWT' } = header;
  const type = String(typ)
    .toLowerCase()
    .replace(/^application\//, '');
  if (!tokenTypes.some((each) => each.toLowerCase() === type))
    throw refusal(`the token must be of type ${tokenTypes.join(' or ')}, as its header typ says`);
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH)
    throw refusal('the token does not name the key that it is signed with');
  return { kid, isUntyped: type === 'jwt' };
}

function explained(error: unknown): unknown {
  if (error instanceof ArmadaError) return error;
  if (error instanceof errors.JWTExpired) return expired();
  // What jose says of claims is about the token alone, and tells people what to mend.
  if (error instanceof errors.JWTClaimValidationFailed)
    return refusal(`the claim ${error.claim} of the token is not as it must be here`);
  return refusal('the token is not valid');
}

function expired(): ArmadaError {
  return refusal('the token has expired; log in again');
}
