/**
 * What may pass on to native code: tokens of SPNEGO (RFC 4178) that offer
 * Kerberos, well-formed as far as they say which mechanisms they are about.
 * Everything else, NTLM above all, is refused here, where nothing can crash.
 */

/** `first` opens a negotiation, `next` goes on with one. */
export type TokenKind = 'first' | 'next';

export type Judged = { kind: TokenKind; refused?: undefined } | { kind?: undefined; refused: string };

const OID = {
  spnego: '2b0601050502',
  kerberos: '2a864886f712010202',
  /** The same with a digit that Microsoft once lost. */
  kerberosOfMicrosoft: '2a864882f712010202',
  /** Kerberos by way of the server, which would then talk to other servers for its client. */
  iakerb: '2b0601050205',
} as const;

const TAG = {
  oid: 0x06,
  sequence: 0x30,
  application: 0x60,
  first: 0xa0,
  next: 0xa1,
} as const;

/** More than any client offers. */
const MAX_MECHANISMS = 32;

/** Tickets of Active Directory with all groups of their user are at most so large. */
const MAX_TOKEN_BYTES = 65_535;

const NTLM = Buffer.from('NTLMSSP\0');

/** Tells which kind of token it is, or why it is not taken. */
export function judgeToken(token: Buffer): Judged {
  if (token.length > MAX_TOKEN_BYTES) return { refused: 'the token is too large' };
  if (token.subarray(0, NTLM.length).equals(NTLM)) return { refused: 'NTLM is not taken, only Kerberos' };
  const whole = read(token);
  if (whole === undefined || whole.rest.length > 0) return { refused: 'the token is none of SPNEGO' };
  if (whole.tag === TAG.next) {
    return contentOf(whole.content, TAG.sequence) === undefined
      ? { refused: 'the token is malformed' }
      : { kind: 'next' };
  }
  if (whole.tag !== TAG.application) return { refused: 'the token is none of SPNEGO' };
  return judgeFirst(whole.content);
}

function judgeFirst(content: Buffer): Judged {
  const mechanism = read(content);
  if (mechanism?.tag !== TAG.oid || mechanism.content.toString('hex') !== OID.spnego)
    return { refused: 'the token is none of SPNEGO' };
  const offered = mechanismsIn(mechanism.rest);
  if (offered === undefined) return { refused: 'the token is malformed' };
  if (offered.includes(OID.iakerb)) return { refused: 'IAKERB is not taken, only Kerberos' };
  if (!offered.includes(OID.kerberos) && !offered.includes(OID.kerberosOfMicrosoft))
    return { refused: 'the token does not offer Kerberos' };
  return { kind: 'first' };
}

/** Mechanisms that a NegTokenInit offers, as hex; undefined when it is malformed. */
function mechanismsIn(negotiation: Buffer): string[] | undefined {
  const init = contentOf(negotiation, TAG.first);
  const fields = init && contentOf(init, TAG.sequence);
  const first = fields && read(fields);
  const list = first?.tag === TAG.first ? contentOf(first.content, TAG.sequence) : undefined;
  if (list === undefined) return undefined;
  const found: string[] = [];
  let left: Buffer = list;
  while (left.length > 0) {
    const next = read(left);
    if (next?.tag !== TAG.oid || found.length === MAX_MECHANISMS) return undefined;
    found.push(next.content.toString('hex'));
    left = next.rest;
  }
  return found;
}

/** The content of a value that fills the bytes and has the tag. */
function contentOf(bytes: Buffer, tag: number): Buffer | undefined {
  const value = read(bytes);
  return value?.tag === tag && value.rest.length === 0 ? value.content : undefined;
}

/** The first value of some DER; undefined when its length cannot be. */
function read(bytes: Buffer): { tag: number; content: Buffer; rest: Buffer } | undefined {
  const [tag, short] = bytes;
  if (tag === undefined || short === undefined) return undefined;
  let start = 2;
  let length = short;
  if (short >= 0x80) {
    const digits = short & 0x7f;
    if (digits < 1 || digits > 3 || bytes.length < 2 + digits) return undefined;
    length = bytes.readUIntBE(2, digits);
    start += digits;
  }
  const end = start + length;
  if (end > bytes.length) return undefined;
  return { tag, content: bytes.subarray(start, end), rest: bytes.subarray(end) };
}
