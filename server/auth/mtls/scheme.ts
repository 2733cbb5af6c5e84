/**
 * Client certificates as a way to say who you are. That they are of a trusted
 * authority, not expired and really the client's was proven when it connected;
 * rules of the configuration say whom they stand for. Whoever presents other
 * credentials besides is whom those name: then the certificate has opened the
 * connection, and no more.
 */
import { hash, X509Certificate } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { ArmadaError, invalidField } from '../../base/errors.ts';
import { keepNewest } from '../../base/keep-newest.ts';
import { certificatesIn, givenAuthorities, hasSigned } from '../../tls/authorities.ts';
import type { Scheme } from '../chain.ts';
import type { AuthConfig } from '../config.ts';
import type { Principal } from '../principal.ts';
import { type CertificateNames, createNameReader, type NameReader } from './certificate-names.ts';
import type { MtlsRule } from './config.ts';
import { compileRule, type Holder } from './rules.ts';

const MAX_REMEMBERED = 10_000;

/** Whom a certificate was found to stand for, and until when it is good. */
interface Known {
  principal: Principal | undefined;
  fromMs: number;
  untilMs: number;
}

/** The scheme; undefined when it is not configured. Rejects with INVALID_REQUEST when it cannot be used. */
export async function openMtls(
  { schemes, mtls }: Pick<AuthConfig, 'schemes' | 'mtls'>,
  clock: Clock,
): Promise<Scheme | undefined> {
  if (!schemes.includes('mtls')) return undefined;
  if (mtls === undefined) throw invalidField('auth.mtls', 'must say whose certificates are whose');
  const rules = await Promise.all(mtls.principals.map(openRule));
  const readNames = await createNameReader();
  return createMtlsScheme((certificate) => holderOf(certificate, rules, readNames), clock);
}

/** @param find whom a certificate stands for; undefined for nobody */
function createMtlsScheme(find: (certificate: X509Certificate) => Holder | undefined, clock: Clock): Scheme {
  const known = new Map<string, Known>();
  const times = new WeakMap<Principal, Known>();

  const look = (der: Buffer): Known => {
    const digest = hash('sha256', der, 'base64');
    const found = known.get(digest);
    if (found) return found;
    const certificate = new X509Certificate(der);
    const holder = find(certificate);
    const untilMs = certificate.validToDate.getTime();
    const made: Known = {
      principal: holder && { ...holder, scopes: [], scheme: 'mtls', expiresMs: untilMs },
      fromMs: certificate.validFromDate.getTime(),
      untilMs,
    };
    if (made.principal) times.set(made.principal, made);
    keepNewest(known, digest, made, MAX_REMEMBERED);
    return made;
  };

  // Connections outlive the handshake in which this was looked at first.
  const fault = ({ fromMs, untilMs }: Known): ArmadaError | undefined => {
    const nowMs = clock.now();
    if (nowMs >= fromMs && nowMs <= untilMs) return undefined;
    return new ArmadaError('UNAUTHENTICATED', 'the client certificate has expired; connect with another');
  };

  return {
    name: 'mtls',
    challenge: undefined,
    authenticate(authorization, { certificate }) {
      if (authorization !== undefined || certificate === undefined) return undefined;
      const found = look(certificate);
      const expired = fault(found);
      if (expired) throw expired;
      if (found.principal) return found.principal;
      throw new ArmadaError(
        'UNAUTHENTICATED',
        'no rule of this server names the holder of the client certificate',
      );
    },
    recheck(principal) {
      const time = times.get(principal);
      return time && fault(time);
    },
  };
}

interface OpenRule {
  apply: (names: CertificateNames) => Holder | undefined;
  /** One of these must have signed the certificate itself; any when left out. */
  authorities: readonly X509Certificate[] | undefined;
}

function holderOf(
  certificate: X509Certificate,
  rules: readonly OpenRule[],
  readNames: NameReader,
): Holder | undefined {
  let names: CertificateNames;
  try {
    names = readNames(certificate.raw);
  } catch {
    throw new ArmadaError('UNAUTHENTICATED', 'the client certificate cannot be read');
  }
  for (const { apply, authorities } of rules) {
    const holder = apply(names);
    if (holder && (!authorities || authorities.some((one) => hasSigned(one, certificate)))) return holder;
  }
  return undefined;
}

async function openRule(rule: MtlsRule, index: number): Promise<OpenRule> {
  const { authorityFile } = rule;
  const setting = `auth.mtls.principals.${index}.authorityFile`;
  const text =
    authorityFile === undefined ? undefined : await givenAuthorities({ setting, path: authorityFile });
  return { apply: compileRule(rule), authorities: text === undefined ? undefined : certificatesIn(text) };
}
