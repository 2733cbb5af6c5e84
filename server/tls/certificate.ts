/**
 * Makes certificates: an authority of the server's own, and what it vouches for.
 * Keys are on the curve P-256, which every TLS library has.
 */
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate and its private key, as PEM. */
export interface KeyedCertificate {
  certificate: string;
  key: string;
}

/** From when until when, in milliseconds since the Unix epoch. */
interface Validity {
  fromMs: number;
  untilMs: number;
}

const KEYS = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { ...KEYS, hash: 'SHA-256' } as const;

const SERIAL_BYTES = 16;

/** Makes an authority, whose certificate vouches for itself. */
export async function makeAuthority(validity: Validity): Promise<KeyedCertificate> {
  const x509 = await certificateLibrary();
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    // Two authorities that somebody trusts must not look the same.
    name: [{ CN: [`Armada server ${randomBytes(4).toString('hex')}`] }],
    ...datesOf(validity),
    signingAlgorithm: SIGNATURE,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pemOf(certificate), key: await privatePemOf(keys) };
}

/**
 * Makes a certificate for a server that is known by these host names and
 * addresses. Servers show it to each other too, so it is good for both ends.
 * @param authority as makeAuthority() makes them
 */
export async function makeServerCertificate(
  authority: KeyedCertificate,
  names: readonly string[],
  validity: Validity,
): Promise<KeyedCertificate> {
  const x509 = await certificateLibrary();
  const keys = await newKeys();
  const issuer = new x509.X509Certificate(authority.certificate);
  const issuerKeyId = issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId;
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: newSerial(),
    subject: [{ CN: ['Armada server'] }],
    issuer: issuer.subjectName,
    ...datesOf(validity),
    signingAlgorithm: SIGNATURE,
    publicKey: keys.publicKey,
    signingKey: await signingKeyOf(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([
        x509.ExtendedKeyUsage.serverAuth,
        x509.ExtendedKeyUsage.clientAuth,
      ]),
      new x509.SubjectAlternativeNameExtension(names.map(generalName)),
      // As its own certificate has it: there are several ways to make one of a key.
      ...(issuerKeyId === undefined ? [] : [new x509.AuthorityKeyIdentifierExtension(issuerKeyId)]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: pemOf(certificate), key: await privatePemOf(keys) };
}

/** Loaded when certificates are made, which most starts do not: it is 20 MB and 0.1 s. */
async function certificateLibrary() {
  await import('reflect-metadata');
  return await import('@peculiar/x509');
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(KEYS, true, ['sign', 'verify']);
}

function signingKeyOf(pem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(pem.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, KEYS, false, ['sign']);
}

/** Some take a number only when it is positive. */
function newSerial(): string {
  const bytes = randomBytes(SERIAL_BYTES);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function datesOf({ fromMs, untilMs }: Validity): { notBefore: Date; notAfter: Date } {
  return { notBefore: new Date(fromMs), notAfter: new Date(untilMs) };
}

function generalName(name: string): { type: 'dns' | 'ip'; value: string } {
  if (isIP(name) === 0) return { type: 'dns', value: name.toLowerCase() };
  // The zone of an address means something on its machine only.
  const [address = ''] = name.split('%');
  if (isIP(address) === 4) return { type: 'ip', value: address };
  // Written in one way only: groups of hexadecimal digits.
  return { type: 'ip', value: new URL(`http://[${address}]`).hostname.slice(1, -1) };
}

function pemOf(certificate: { toString(format: 'pem'): string }): string {
  return `${certificate.toString('pem').trim()}\n`;
}

async function privatePemOf({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey));
  const lines = der.toString('base64').replaceAll(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`;
}
