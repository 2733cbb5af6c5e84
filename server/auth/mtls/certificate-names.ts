/** What a client certificate says of its holder. */
import type { X509Certificate } from '@peculiar/x509';

/** The parts of a certificate that rules look at. */
export interface CertificateNames {
  commonName: readonly string[];
  subject: readonly string[];
  dns: readonly string[];
  email: readonly string[];
  uri: readonly string[];
  organization: readonly string[];
  organizationalUnit: readonly string[];
}

/** Reads a certificate in DER form. Throws whatever the library does for one that is damaged. */
export type NameReader = (der: Buffer) => CertificateNames;

/** The library is loaded by servers that need it, for it is 20 MB. */
export async function createNameReader(): Promise<NameReader> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  return (der) => namesIn(new x509.X509Certificate(der), x509.SubjectAlternativeNameExtension);
}

type AlternativeNames = typeof import('@peculiar/x509').SubjectAlternativeNameExtension;

function namesIn(certificate: X509Certificate, alternativeNames: AlternativeNames): CertificateNames {
  const { subjectName, subject } = certificate;
  const others = certificate.getExtension(alternativeNames)?.names.items ?? [];
  const ofKind = (kind: string): string[] =>
    others.flatMap(({ type, value }) => (type === kind ? [value] : []));
  return {
    commonName: subjectName.getField('CN'),
    subject: subject === '' ? [] : [subject],
    dns: ofKind('dns').map((name) => name.toLowerCase()),
    email: ofKind('email'),
    uri: ofKind('url'),
    organization: subjectName.getField('O'),
    organizationalUnit: subjectName.getField('OU'),
  };
}
