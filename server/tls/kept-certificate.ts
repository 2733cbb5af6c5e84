/**
 * The certificate that ports show to which none is given: made at the first start,
 * vouched for by an authority that is made with it, and both kept in a directory:
 *
 *     ca.pem        certificate of the authority: what clients are to trust
 *     ca-key.pem    the same with its private key
 *     server.pem    certificate of the server with its private key
 *
 * The authority outlives the certificates that it vouches for, so clients need
 * not be told of a new one. Several servers may share the directory.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { ArmadaError } from '../base/errors.ts';
import { makeKeptFile, readKeptFile, replaceKeptFile } from '../base/kept-file.ts';
import { type KeyedCertificate, makeAuthority, makeServerCertificate } from './certificate.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const AUTHORITY_MS = 3650 * DAY_MS;
/** The longest that all clients take. */
const SERVER_MS = 825 * DAY_MS;

/** What has less time left than this is made anew. */
const RENEW_MS = SERVER_MS / 3;

/** Clocks differ: what is made now is already good for those that are behind. */
const BACKDATED_MS = 60 * 60 * 1000;

/** Who has private keys in files; nobody else may read them. */
const SECRET_MODE = 0o600;
const PUBLIC_MODE = 0o644;

/** Where certificates are kept, and whom they are for. */
export interface CertificatePlace {
  directory: string;
  /** Host names and addresses under which the ports are reached. */
  names: readonly string[];
  /** Milliseconds since the Unix epoch. */
  nowMs: number;
}

/** The certificate of this server, made if there is none that is good. Throws UNAVAILABLE when the directory cannot be used. */
export async function keptCertificate(place: CertificatePlace): Promise<KeyedCertificate> {
  const authority = await keptAuthority(place);
  const authorityFile = authorityFileIn(place.directory);
  if (readKeptFile(authorityFile) !== authority.certificate) {
    replaceKeptFile(authorityFile, authority.certificate, PUBLIC_MODE);
  }
  const file = serverFileIn(place.directory);
  const kept = keyedIn(readKeptFile(file));
  if (kept && isGood(kept, authority, place)) return kept;
  const made = await makeServerCertificate(authority, place.names, validFor(SERVER_MS, place));
  replaceKeptFile(file, textOf(made), SECRET_MODE);
  return made;
}

/** What clients are to trust. */
export function authorityFileIn(directory: string): string {
  return join(directory, 'ca.pem');
}

/** Holds both the certificate and its key. */
export function serverFileIn(directory: string): string {
  return join(directory, 'server.pem');
}

/** Whether it is time to make another. */
export function isRunningOut(certificate: KeyedCertificate, nowMs: number): boolean {
  return !lastsUntil(certificate, nowMs + RENEW_MS);
}

/** The authority of this directory, which is made once, whoever comes first. */
async function keptAuthority(place: CertificatePlace): Promise<KeyedCertificate> {
  const file = join(place.directory, 'ca-key.pem');
  const text = readKeptFile(file);
  const kept = keyedIn(text);
  if (kept && lastsUntil(kept, place.nowMs + SERVER_MS)) return kept;
  if (text !== undefined && !kept) {
    const message = `${file} holds no certificate with its key; remove it, and another is made at the next start`;
    throw new ArmadaError('UNAVAILABLE', message);
  }
  const made = await makeAuthority(validFor(AUTHORITY_MS, place));
  if (kept) {
    replaceKeptFile(file, textOf(made), SECRET_MODE);
    return made;
  }
  if (makeKeptFile(file, textOf(made), SECRET_MODE)) return made;
  // Another server was faster.
  return keptAuthority(place);
}

function validFor(lastsMs: number, { nowMs }: CertificatePlace): { fromMs: number; untilMs: number } {
  return { fromMs: nowMs - BACKDATED_MS, untilMs: nowMs + lastsMs };
}

function textOf({ certificate, key }: KeyedCertificate): string {
  return `${certificate}${key}`;
}

/** What textOf() has written; undefined for anything else. */
function keyedIn(text: string | undefined): KeyedCertificate | undefined {
  const match =
    /^(-----BEGIN CERTIFICATE-----.*-----END CERTIFICATE-----\n)(-----BEGIN PRIVATE KEY.*)$/s.exec(
      text ?? '',
    );
  if (!match) return undefined;
  const [, certificate = '', key = ''] = match;
  const isWhole = parsedOr(() => new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key)));
  return isWhole ? { certificate, key } : undefined;
}

function parsedOr<Value>(parse: () => Value): Value | undefined {
  try {
    return parse();
  } catch {
    return undefined;
  }
}

function lastsUntil({ certificate }: KeyedCertificate, untilMs: number): boolean {
  return new X509Certificate(certificate).validToDate.getTime() >= untilMs;
}

function isGood(kept: KeyedCertificate, authority: KeyedCertificate, place: CertificatePlace): boolean {
  const certificate = new X509Certificate(kept.certificate);
  const { publicKey } = new X509Certificate(authority.certificate);
  return (
    isSignedBy(certificate, publicKey) &&
    !isRunningOut(kept, place.nowMs) &&
    place.names.every((name) => isFor(certificate, name))
  );
}

function isSignedBy(certificate: X509Certificate, publicKey: KeyObject): boolean {
  return certificate.verify(publicKey);
}

function isFor(certificate: X509Certificate, name: string): boolean {
  return (isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name)) !== undefined;
}
