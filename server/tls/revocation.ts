/**
 * Lists of revoked certificates (RFC 5280, section 5), as authorities publish
 * them and an operator puts them in a file. Each counts for what its own
 * authority has issued.
 */
import { X509Certificate } from 'node:crypto';
import type { X509Crl } from '@peculiar/x509';
import { invalidField } from '../base/errors.ts';
import { certificateBlocks, type GivenFile, readGiven } from './given-certificate.ts';

/** What authorities have taken back. */
export interface Revocations {
  /** Whether it, or an authority above it that is known, is on a list. */
  isRevoked(certificate: X509Certificate): boolean;
  /** What is the matter with lists that are read all the same, for people. */
  remarks(nowMs: number): readonly string[];
}

interface RevocationList {
  authority: X509Certificate;
  /** As serialOf() writes them. */
  serials: ReadonlySet<string>;
  untilMs: number;
}

/** Some 50,000 certificates: the library needs two seconds for them, in which nothing else is done. */
const MAX_NODES = 200_000;

/** Authorities above a certificate; more than chains ever have. */
const MAX_DEPTH = 8;

const DELTA_INDICATOR = '2.5.29.27';

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
  const known = certificateBlocks(authorities).map((block) => new X509Certificate(block));
  const blocks = given.match(/-----BEGIN (X509 )?CRL-----[\s\S]*?-----END (X509 )?CRL-----/g) ?? [];
  if (blocks.length === 0)
    throw invalidField(file.setting, 'must hold lists of revoked certificates, as PEM');
  const lists: RevocationList[] = [];
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
      ...lists.flatMap(({ authority, untilMs }) =>
        untilMs < nowMs ? [`there should be a newer list of ${authority.subject}`] : [],
      ),
    ],
  };
}

/** The list, or the name of an authority that is not known. */
async function openList(
  block: string,
  authorities: readonly X509Certificate[],
  { setting }: GivenFile,
): Promise<RevocationList | string> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  let list: X509Crl;
  try {
    list = new x509.X509Crl(block, { berOptions: { maxNodes: MAX_NODES } });
  } catch {
    throw invalidField(setting, 'must hold whole lists, of 50,000 certificates at most');
  }
  if (list.extensions.some(({ type }) => type === DELTA_INDICATOR)) {
    throw invalidField(setting, 'must hold whole lists, not what has changed since another');
  }
  let isForeign = true;
  for (const authority of authorities) {
    const { publicKey, subject } = new x509.X509Certificate(authority.raw);
    if (subject !== list.issuer) continue;
    isForeign = false;
    if (!(await list.verify({ publicKey }).catch(() => false))) continue;
    return {
      authority,
      serials: new Set(list.entries.map(({ serialNumber }) => serialOf(serialNumber))),
      untilMs: list.nextUpdate?.getTime() ?? Number.POSITIVE_INFINITY,
    };
  }
  if (isForeign) return list.issuer;
  throw invalidField(setting, `must hold lists signed by their authority, which ${list.issuer} has not done`);
}

function isListed(
  certificate: X509Certificate,
  lists: readonly RevocationList[],
  authorities: readonly X509Certificate[],
): boolean {
  let at: X509Certificate | undefined = certificate;
  for (let depth = 0; at && depth < MAX_DEPTH; depth++) {
    const current: X509Certificate = at;
    const serial = serialOf(current.serialNumber);
    if (lists.some(({ authority, serials }) => serials.has(serial) && current.checkIssued(authority)))
      return true;
    at = authorities.find((one) => one.fingerprint256 !== current.fingerprint256 && current.checkIssued(one));
  }
  return false;
}

/** Libraries write numbers in either case, and with or without zeros before them. */
function serialOf(hex: string): string {
  return hex.toLowerCase().replace(/^0+/, '');
}
