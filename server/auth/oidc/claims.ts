/** Whom a token is about, once its signature is proven: all of it is understood, or it is refused. */
import { ArmadaError } from '../../base/errors.ts';
import { isPrintable } from '../../model/names.ts';
import type { Principal } from '../principal.ts';
import type { ProviderConfig } from './config.ts';

export const SCHEME = 'oidc';

export type Claims = Readonly<Record<string, unknown>>;

/** More are in no token of use: proxies refuse headers that long. */
const MAX_VALUES = 500;
const MAX_LENGTH = 256;

/** What id tokens have and access tokens do not. */
const MARKS_OF_ID_TOKENS = ['nonce', 'at_hash', 'c_hash', 's_hash'];

export type NamingRules = Pick<
  ProviderConfig,
  'nameClaim' | 'userNameSuffix' | 'groupsClaim' | 'groupNameSuffix'
>;

/**
 * @param wanted claims whose values decide about permissions; the others are not kept
 * Throws UNAUTHENTICATED.
 */
export function principalOf(claims: Claims, rules: NamingRules, wanted: readonly string[]): Principal {
  const { nameClaim, userNameSuffix, groupsClaim, groupNameSuffix } = rules;
  const [name, ...others] = valuesOf(claims, nameClaim);
  if (name === undefined || others.length > 0)
    throw refusal(`the claim ${nameClaim} of the token names nobody`);
  // Some providers say it as a text.
  if (nameClaim === 'email' && String(claims['email_verified']) === 'false')
    throw refusal('the address in the claim email of the token is not verified');
  const kept = wanted.map((claim) => [claim, valuesOf(claims, claim)] as const);
  return {
    name: name + userNameSuffix,
    groups:
      groupsClaim === undefined ? [] : groupsOf(claims, groupsClaim).map((group) => group + groupNameSuffix),
    scopes: scopesOf(claims),
    ...(kept.length === 0 ? {} : { claims: new Map(kept) }),
    scheme: SCHEME,
  };
}

/** Refuses what was made for a client to know its user, and not for calls. */
export function refuseIdToken(claims: Claims): void {
  const mark = MARKS_OF_ID_TOKENS.find((claim) => claim in claims);
  if (mark !== undefined || claims['typ'] === 'ID' || claims['token_use'] === 'id')
    throw refusal('this is an id token; an access token is needed');
}

/** Refuses tokens of other clients, and those of which nobody can tell whose they are. */
export function refuseOtherClients(claims: Claims, clients: readonly string[] | undefined): void {
  const client = claims['azp'] ?? claims['client_id'];
  const hasSeveralAudiences = Array.isArray(claims['aud']) && claims['aud'].length > 1;
  if (client === undefined && (clients !== undefined || hasSeveralAudiences))
    throw refusal('the token does not say for which client it was made');
  if (clients !== undefined && !(typeof client === 'string' && clients.includes(client)))
    throw refusal('the token was made for a client that is not let in here');
}

/** A provider with too many of them leaves groups out and says so: then nobody knows which. */
function groupsOf(claims: Claims, groupsClaim: string): string[] {
  const elsewhere = claims['_claim_names'];
  if (typeof elsewhere === 'object' && elsewhere !== null && groupsClaim in elsewhere)
    throw refusal(`the claim ${groupsClaim} of the token is not in it, as the user has too many groups`);
  return valuesOf(claims, groupsClaim);
}

function scopesOf(claims: Claims): string[] {
  const claim = claims['scope'] === undefined ? 'scp' : 'scope';
  return valuesOf(claims, claim)
    .flatMap((value) => value.split(' '))
    .filter((scope) => scope !== '');
}

/** The claim of this very name, which may have dots in it; else what lies where the dots lead, as in `realm_access.roles`. */
function claimAt(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
    const outer = name.slice(0, dot);
    const inner = Object.hasOwn(claims, outer) ? claims[outer] : undefined;
    const found = isClaims(inner) ? claimAt(inner, name.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function isClaims(value: unknown): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Values of a claim that may be one or a list; none when it is not there. */
function valuesOf(claims: Claims, claim: string): string[] {
  const value = claimAt(claims, claim);
  if (value === undefined || value === null) return [];
  const values: unknown[] = Array.isArray(value) ? value : [value];
  if (values.length > MAX_VALUES) throw refusal(`the claim ${claim} of the token has too many values`);
  return values.map((each) => {
    const text = typeof each === 'boolean' || typeof each === 'number' ? String(each) : each;
    const isFit = typeof text === 'string' && text.trim() !== '' && isPrintable(text);
    // Scopes are one text, and many.
    if (!isFit || (text.length > MAX_LENGTH && claim !== 'scope'))
      throw refusal(`the claim ${claim} of the token has a value that cannot be used`);
    return text;
  });
}

export function refusal(message: string): ArmadaError {
  return new ArmadaError('UNAUTHENTICATED', message);
}
