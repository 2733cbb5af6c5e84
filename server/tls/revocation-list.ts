/**
 * One list of revoked certificates (RFC 5280, section 5) in DER form. Lists are
 * long, and a library that makes objects of all that is in one holds the server up
 * for seconds: so what does not count is passed over.
 */
import { constants, type KeyObject, verify } from 'node:crypto';

export interface RevocationList {
  /** Name of the authority, in DER form. */
  issuer: Buffer;
  /** Of what it has taken back, as serialOf() writes them. */
  serials: ReadonlySet<string>;
  /** When there should be another; infinite where that is not said. */
  untilMs: number;
  /** Whether it says only what has changed since another. */
  isDelta: boolean;
  isSignedBy(key: KeyObject): boolean;
}

/** One value of DER. */
interface Value {
  tag: number;
  content: Buffer;
  /** With its tag and length. */
  whole: Buffer;
}

const INTEGER = 0x02;
const BIT_STRING = 0x03;
const SEQUENCE = 0x30;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const EXTENSIONS = 0xa0;
/** The hash of parameters of RSA-PSS. */
const HASH = 0xa0;

const DELTA_INDICATOR = '551d1b';
const RSA_PSS = '2a864886f70d01010a';

/** Ids of hashes, and of signatures with them; those of Ed25519 and Ed448 have one of their own. */
const HASHES: Readonly<Record<string, string | null>> = {
  '608648016503040201': 'sha256',
  '608648016503040202': 'sha384',
  '608648016503040203': 'sha512',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
  '2b6571': null,
};

/** Throws an Error for what is no list. */
export function parseRevocationList(der: Buffer): RevocationList {
  const [list, ...rest] = valuesIn(der);
  const [signed, algorithm, signature] = valuesIn(list, SEQUENCE);
  if (!signed || !algorithm || signature?.tag !== BIT_STRING || rest.length > 0) throw new Error('no list');
  const fields = [...valuesIn(signed, SEQUENCE)];
  if (fields[0]?.tag === INTEGER) fields.shift();
  const [inner, issuer, , ...more] = fields;
  if (!inner?.whole.equals(algorithm.whole) || issuer?.tag !== SEQUENCE) throw new Error('no list');
  const next = more[0]?.tag === SEQUENCE || more[0]?.tag === EXTENSIONS ? undefined : more.shift();
  const entries = more.find(({ tag }) => tag === SEQUENCE);
  const extensions = more.find(({ tag }) => tag === EXTENSIONS);
  return {
    issuer: issuer.whole,
    serials: entries ? serialsIn(entries) : new Set(),
    untilMs: next ? timeIn(next) : Number.POSITIVE_INFINITY,
    isDelta: extensions !== undefined && extensionsIn(extensions).includes(DELTA_INDICATOR),
    // Before a signature stands how many bits of its last byte are none of it.
    isSignedBy: (key) => isSigned(signed.whole, algorithm, { key, signature: signature.content.subarray(1) }),
  };
}

/** Libraries write numbers in either case, and with or without zeros before them. */
export function serialOf(hex: string): string {
  return hex.toLowerCase().replace(/^0+/, '');
}

function serialsIn(entries: Value): Set<string> {
  const serials = new Set<string>();
  for (const entry of valuesIn(entries, SEQUENCE)) {
    const [serial] = valuesIn(entry, SEQUENCE);
    if (serial?.tag !== INTEGER) throw new Error('an entry names no certificate');
    serials.add(serialOf(serial.content.toString('hex')));
  }
  return serials;
}

function extensionsIn(extensions: Value): string[] {
  const [all] = valuesIn(extensions, EXTENSIONS);
  return [...valuesIn(all, SEQUENCE)].map(firstIn);
}

/** What stands first in a sequence, in hex: ids do. */
function firstIn(sequence: Value): string {
  const [first] = valuesIn(sequence, SEQUENCE);
  return first?.content.toString('hex') ?? '';
}

function isSigned(
  signed: Buffer,
  algorithm: Value,
  { key, signature }: { key: KeyObject; signature: Buffer },
): boolean {
  try {
    const id = firstIn(algorithm);
    const hash = HASHES[id === RSA_PSS ? hashIn(algorithm) : id];
    if (hash === undefined) return false;
    const padding = id === RSA_PSS ? { padding: constants.RSA_PKCS1_PSS_PADDING } : {};
    return verify(hash, signed, { key, ...padding }, signature);
  } catch {
    // Parameters that are none, or a key of another kind.
    return false;
  }
}

function hashIn(algorithm: Value): string {
  const [, parameters] = valuesIn(algorithm, SEQUENCE);
  const hash = [...valuesIn(parameters, SEQUENCE)].find(({ tag }) => tag === HASH);
  const [named] = valuesIn(hash, HASH);
  return named ? firstIn(named) : '';
}

function timeIn({ tag, content }: Value): number {
  if (tag !== UTC_TIME && tag !== GENERALIZED_TIME) throw new Error('no time');
  const text = content.toString('latin1');
  // Of years with two digits those from 50 on are of the last century.
  const whole = tag === UTC_TIME ? `${text < '50' ? '20' : '19'}${text}` : text;
  const time = Date.parse(whole.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
  if (Number.isNaN(time)) throw new Error('no time');
  return time;
}

/** What a value of this kind, or a buffer, is made of. Throws an Error where it is not whole. */
function* valuesIn(value: Value | Buffer | undefined, tag?: number): Generator<Value, void> {
  if (value === undefined || (!Buffer.isBuffer(value) && value.tag !== tag)) throw new Error('no list');
  const bytes = Buffer.isBuffer(value) ? value : value.content;
  for (let at = 0; at < bytes.length; ) {
    const short = bytes.readUInt8(at + 1);
    const lengthBytes = short < 0x80 ? 0 : short - 0x80;
    const from = at + 2 + lengthBytes;
    const to = from + (lengthBytes === 0 ? short : bytes.readUIntBE(at + 2, lengthBytes));
    if (to > bytes.length) throw new Error('no whole list');
    yield { tag: bytes.readUInt8(at), content: bytes.subarray(from, to), whole: bytes.subarray(at, to) };
    at = to;
  }
}
