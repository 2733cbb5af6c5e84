/**
 * Lists of revoked certificates (RFC 5280, section 5), as authorities publish
 * them and an operator puts them in a file. Each counts for what its own
 * authority has issued.
 */
import type { X509Certificate } from 'node:crypto';
import { invalidField } from '../base/errors.ts';
import { certificatesIn, hasSigned } from './authorities.ts';
import { type GivenFile, readGiven } from './given-certificate.ts';
import { parseRevocationList, type RevocationList, serialOf } from './revocation-list.ts';

/** What authorities have taken back. */
export interface Revocations {
  /** Whether it, or an authority above it that is known, is on a list. */
  isRevoked(certificate: X509Certificate): boolean;
  /** What is the matter with lists that are read all the same, for people. */
  remarks(nowMs: number): readonly string[];
}

interface KnownList extends RevocationList {
  /** Its authority: several when its certificate was renewed and the key was not. */
  authorities: readonly [X509Certificate, ...X509Certificate[]];
}

/** Authorities above a certificate; more than chains ever have. */
const MAX_DEPTH = 8;

/**
 * Reads lists, PEM one after the other, and with the same text gives the same
 * again, or the same fault: to find out takes long. What it gives takes the
 * certificates of authorities as PEM, and rejects with INVALID_REQUEST for what is
 * no whole list, or not signed by the authority that it names. One of an authority
 * that is not trusted (any more) says nothing.
 */
export function followRevocations(file: GivenFile): (authorities: string) => Promise<Revocations> {
  let last: { text: string; read: Promise<Revocations> } | undefined;
  return async (authorities) => {
    const given = await readGiven(file);
    const text = `${given}\n${authorities}`;
    if (last?.text !== text) last = { text, read: readLists(given, authorities, file) };
    return await last.read;
  };
}

async function readLists(given: string, authorities: string, file: GivenFile): Promise<Revocations> {
  const known = certificatesIn(authorities);
  const blocks = given.match(/-----BEGIN (X509 )?CRL-----[\s\S]*?-----END (X509 )?CRL-----/g) ?? [];
  if (blocks.length === 0)
    throw invalidField(file.setting, 'must hold lists of revoked certificates, as PEM');
  const lists: KnownList[] = [];
  const foreign: string[] = [];
  for (const block of blocks) {
    const list = await openList(block, known, file);
    if (typeof list === 'string')
      foreign.push(`${list} is not in authorityFile, so its list counts for nothing`);
    else lists.push(list);
  }
  return {
    isRevoked: (certificate) => isListed(certificate, lists, known),
    remarks: (nowMs) => [
      ...foreign,
      ...lists.flatMap(({ authorities: [authority], untilMs }) =>
        untilMs < nowMs ? [`there should be a newer list of ${authority.subject}`] : [],
      ),
    ],
  };
}

/** The list with its authority, or the name of one that is not known. */
async function openList(
  block: string,
  authorities: readonly X509Certificate[],
  { setting }: GivenFile,
): Promise<KnownList | string> {
  let list: RevocationList;
  try {
    list = parseRevocationList(Buffer.from(block.replace(/-----.*?-----/g, ''), 'base64'));
  } catch {
    throw invalidField(setting, 'must hold whole lists');
  }
  if (list.isDelta) throw invalidField(setting, 'must hold whole lists, not what has changed since another');
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const issuer = new x509.Name(list.issuer).toString();
  const named = authorities.filter(({ raw }) => new x509.X509Certificate(raw).subject === issuer);
  const [authority, ...others] = named.filter(({ publicKey }) => list.isSignedBy(publicKey));
  if (authority) return { ...list, authorities: [authority, ...others] };
  if (named.length === 0) return issuer;
  throw invalidField(setting, `must hold lists signed by their authority, which ${issuer} has not done`);
}

function isListed(
  certificate: X509Certificate,
  lists: readonly KnownList[],
  authorities: readonly X509Certificate[],
): boolean {
  let at: X509Certificate | undefined = certificate;
  for (let depth = 0; at && depth < MAX_DEPTH; depth++) {
    const current: X509Certificate = at;
    const serial = serialOf(current.serialNumber);
    const isOn = (list: KnownList): boolean =>
      list.serials.has(serial) && list.authorities.some((one) => hasSigned(one, current));
    if (lists.some(isOn)) return true;
    at = authorities.find((one) => one.fingerprint256 !== current.fingerprint256 && hasSigned(one, current));
  }
  return false;
}
