/**
 * What a token says of itself before anybody has proven it. It decides whether
 * the API server is asked about it at all, and for nothing else: a token that was
 * made for somebody else is told to nobody.
 */
import { decodeJwt } from 'jose';
import { isPrintable } from '../../model/names.ts';
import type { KubernetesConfig } from './config.ts';

/** What names of service accounts begin with. */
const ACCOUNT = 'system:serviceaccount:';
const MAX_NAME_LENGTH = 512;

/** What a token of a service account says. */
export interface AccountClaims {
  name: string;
  expiresMs: number;
}

/** Undefined for what is no token of a service account that is meant for this server. */
export function accountClaims(
  token: string,
  { audiences, issuer }: Pick<KubernetesConfig, 'audiences' | 'issuer'>,
): AccountClaims | undefined {
  let claims: ReturnType<typeof decodeJwt>;
  try {
    claims = decodeJwt(token);
  } catch {
    return undefined;
  }
  const { iss, sub, aud, exp } = claims;
  const isOurs = (Array.isArray(aud) ? aud : [aud]).some(
    (each) => each !== undefined && audiences.includes(each),
  );
  if (!isOurs || (issuer !== undefined && iss !== issuer)) return undefined;
  if (typeof sub !== 'string' || !isAccountName(sub) || typeof exp !== 'number') return undefined;
  return { name: sub, expiresMs: exp * 1000 };
}

/** Whether it is the whole name of a service account, as the API server writes it. */
function isAccountName(name: string): boolean {
  return name.startsWith(ACCOUNT) && name.length <= MAX_NAME_LENGTH && isPrintable(name);
}

/**
 * The token in credentials of Armada's clients: base64, of either alphabet, of
 * JSON with the token and a certificate, which is not looked at. Undefined for
 * anything else.
 */
export function nativeToken(credential: string): string | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(credential)) return undefined;
  try {
    const read: unknown = JSON.parse(Buffer.from(credential, 'base64').toString('utf8'));
    const { token } = { token: undefined, ...(read as object) } as { token: unknown };
    return typeof token === 'string' ? token : undefined;
  } catch {
    return undefined;
  }
}
