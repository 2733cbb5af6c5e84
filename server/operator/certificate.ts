/**
 * Makes certificates (RFC 5280): an authority of the server's own, and what it
 * vouches for. Keys are on the curve P-256, which every TLS library has.
 */
import {
  createHash,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
  X509Certificate,
} from 'node:crypto';
import { isIP } from 'node:net';
import * as der from './der.ts';

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

const OIDS = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

const SIGNATURE = der.sequence(der.objectId(OIDS.ecdsaWithSha256));

/** Key usages as the bits that they are, with the number of bits that mean nothing. */
const SIGNS_CERTIFICATES = der.bitString(Buffer.of(0b0000_0110), 1);
const SIGNS_HANDSHAKES = der.bitString(Buffer.of(0b1000_0000), 7);

const SERIAL_BYTES = 16;
const KEY_ID_BYTES = 20;

/** What a general name of a certificate is, by its number there. */
const DNS_NAME = 2;
const IP_ADDRESS = 7;

/** Makes an authority, whose certificate vouches for itself. */
export function makeAuthority(validity: Validity): KeyedCertificate {
  const { publicKey, privateKey } = newKeys();
  // Two authorities that somebody trusts must not look the same.
  const name = nameOf(`Armada operator port ${randomBytes(4).toString('hex')}`);
  const certificate = signed(privateKey, {
    issuer: name,
    subject: name,
    publicKey,
    validity,
    extensions: [
      critical(OIDS.basicConstraints, der.sequence(der.boolean(true), der.integer(Buffer.of(0)))),
      critical(OIDS.keyUsage, SIGNS_CERTIFICATES),
      extension(OIDS.subjectKeyId, der.octetString(keyIdOf(publicKey))),
    ],
  });
  return { certificate, key: pemOf(privateKey) };
}

/**
 * Makes a certificate for a server that is known by these host names and addresses.
 * @param authority as makeAuthority() makes them
 */
export function makeServerCertificate(
  authority: { certificate: string; key: KeyObject },
  names: readonly string[],
  validity: Validity,
): KeyedCertificate {
  const { publicKey, privateKey } = newKeys();
  const issuer = new X509Certificate(authority.certificate);
  const certificate = signed(authority.key, {
    issuer: nameOf(commonNameIn(issuer)),
    subject: nameOf('Armada server'),
    publicKey,
    validity,
    extensions: [
      critical(OIDS.basicConstraints, der.sequence()),
      critical(OIDS.keyUsage, SIGNS_HANDSHAKES),
      extension(OIDS.extendedKeyUsage, der.sequence(der.objectId(OIDS.serverAuth))),
      extension(OIDS.subjectAltName, der.sequence(...names.map(generalName))),
      extension(OIDS.authorityKeyId, der.sequence(der.valueInContext(0, keyIdOf(issuer.publicKey)))),
      extension(OIDS.subjectKeyId, der.octetString(keyIdOf(publicKey))),
    ],
  });
  return { certificate, key: pemOf(privateKey) };
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

interface ToBeSigned {
  issuer: Buffer;
  subject: Buffer;
  publicKey: KeyObject;
  validity: Validity;
  extensions: readonly Buffer[];
}

function signed(key: KeyObject, { issuer, subject, publicKey, validity, extensions }: ToBeSigned): string {
  const version3 = der.inContext(0, der.integer(Buffer.of(2)));
  const contents = der.sequence(
    version3,
    der.integer(randomBytes(SERIAL_BYTES)),
    SIGNATURE,
    issuer,
    der.sequence(der.time(validity.fromMs), der.time(validity.untilMs)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der.inContext(3, der.sequence(...extensions)),
  );
  const whole = der.sequence(contents, SIGNATURE, der.bitString(sign('sha256', contents, key)));
  return new X509Certificate(whole).toString();
}

function nameOf(commonName: string): Buffer {
  return der.sequence(der.setOf(der.sequence(der.objectId(OIDS.commonName), der.utf8String(commonName))));
}

function commonNameIn({ subject }: X509Certificate): string {
  return /^CN=(.*)$/m.exec(subject)?.[1] ?? '';
}

function extension(oid: string, value: Uint8Array): Buffer {
  return der.sequence(der.objectId(oid), der.octetString(value));
}

/** One that whoever does not understand it must not pass over. */
function critical(oid: string, value: Uint8Array): Buffer {
  return der.sequence(der.objectId(oid), der.boolean(true), der.octetString(value));
}

/** Tells keys apart; it is no secret and proves nothing (RFC 7093, method 1). */
function keyIdOf(key: KeyObject): Buffer {
  const bytes = key.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(bytes).digest().subarray(0, KEY_ID_BYTES);
}

function generalName(name: string): Buffer {
  return isIP(name) === 0
    ? der.valueInContext(DNS_NAME, Buffer.from(name.toLowerCase()))
    : der.valueInContext(IP_ADDRESS, addressBytes(name));
}

/** The bytes of an address, in the order in which they travel. */
function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // Written in one way only: groups of hexadecimal digits.
  const [bare = ''] = address.split('%');
  const [head = '', tail] = new URL(`http://[${bare}]`).hostname.slice(1, -1).split('::');
  const [before, after] = [groupsIn(head), groupsIn(tail ?? '')];
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0);
  return Buffer.from([...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsIn(text: string): number[] {
  return text === '' ? [] : text.split(':').map((digits) => Number.parseInt(digits, 16));
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
