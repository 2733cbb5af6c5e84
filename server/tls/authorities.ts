/** Authorities that vouch for certificates: how they are given, and what each has signed. */
import { X509Certificate } from 'node:crypto';
import { invalidField } from '../base/errors.ts';
import { type GivenFile, readGiven } from './given-certificate.ts';

/** Certificates of authorities, as PEM. Rejects with INVALID_REQUEST when there are none. */
export async function givenAuthorities(file: GivenFile): Promise<string> {
  const blocks = blocksIn(await readGiven(file));
  if (blocks.length === 0 || !blocks.every(isCertificate)) {
    throw invalidField(file.setting, 'must hold certificates of authorities, as PEM');
  }
  return `${blocks.join('\n')}\n`;
}

/** The certificates in a text of PEM. Throws an Error for what only looks like one. */
export function certificatesIn(text: string): X509Certificate[] {
  return blocksIn(text).map((block) => new X509Certificate(block));
}

/** By its key: others may have the same name. */
export function hasSigned(authority: X509Certificate, certificate: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

function blocksIn(text: string): readonly string[] {
  return text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
}

function isCertificate(block: string): boolean {
  try {
    return new X509Certificate(block).raw.length > 0;
  } catch {
    return false;
  }
}
