/** What somebody may make of a token who has one, but not the key that it is signed with. */
import { createHmac, generateKeyPairSync } from 'node:crypto';

const HEADER = { alg: 'HS256', typ: 'armada+jwt' };

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** By what is wrong with it. @param keysUrl where somebody would be asked for keys who believes tokens */
export function forgeries(token: string, keysUrl = 'http://127.0.0.1:1/keys'): Map<string, string> {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string };
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iat: number; exp: number };
  const signed = (head: object, key: Buffer | string, body: object = claims): string => {
    const text = `${encode(head)}.${encode(body)}`;
    return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`;
  };
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  const later = { ...claims, exp: 9_999_999_999 };
  return new Map([
    ['alg none', `${encode({ ...HEADER, alg: 'none', kid })}.${payload}.`],
    ['alg None', `${encode({ ...HEADER, alg: 'None', kid })}.${payload}.`],
    ['alg none, signed', `${encode({ ...HEADER, alg: 'none', kid })}.${payload}.${signature}`],
    ['no alg', `${encode({ typ: HEADER.typ, kid })}.${payload}.${signature}`],
    ['no signature', `${header}.${payload}.`],
    ['another user', `${header}.${encode({ ...claims, sub: 'somebody else' })}.${signature}`],
    ['another access key', `${header}.${encode({ ...claims, key: 'armada-key-x' })}.${signature}`],
    ['another expiry', `${header}.${encode(later)}.${signature}`],
    ['another algorithm', `${encode({ ...HEADER, alg: 'HS512', kid })}.${payload}.${signature}`],
    ['an algorithm of key pairs', `${encode({ ...HEADER, alg: 'RS256', kid })}.${payload}.${signature}`],
    ['a public key as the secret', signed({ ...HEADER, kid }, pem)],
    ['an empty secret', signed({ ...HEADER, kid }, '')],
    ['zeros as the secret', signed({ ...HEADER, kid }, Buffer.alloc(32))],
    ['the id as the secret', signed({ ...HEADER, kid }, kid)],
    ['no kid', signed(HEADER, 'guessed')],
    ['an unknown kid', signed({ ...HEADER, kid: 'none' }, 'guessed')],
    ['a path as kid', signed({ ...HEADER, kid: '../../../../dev/null' }, '')],
    ['an address as kid', signed({ ...HEADER, kid: keysUrl }, '')],
    ['a query as kid', signed({ ...HEADER, kid: "' UNION SELECT 'guessed' -- " }, 'guessed')],
    ['a prototype as kid', signed({ ...HEADER, kid: '__proto__' }, '')],
    ['a number as kid', signed({ ...HEADER, kid: 7 }, 'guessed')],
    ['a list as kid', signed({ ...HEADER, kid: [kid] }, 'guessed')],
    ['a long kid', signed({ ...HEADER, kid: kid.repeat(100) }, 'guessed')],
    ['a key beside', signed({ ...HEADER, kid, jwk: { kty: 'oct', k: 'Z3Vlc3NlZA' } }, 'guessed')],
    ['an address of keys', signed({ ...HEADER, kid, jku: keysUrl }, 'guessed')],
    ['an address of certificates', signed({ ...HEADER, kid, x5u: keysUrl }, 'guessed')],
    ['something critical', signed({ ...HEADER, kid, crit: ['b64'], b64: false }, 'guessed')],
    ['nested and packed', signed({ ...HEADER, kid, cty: 'JWT', zip: 'DEF' }, 'guessed')],
    ['no claims', `${header}.${encode({})}.${signature}`],
    ['claims that are a list', `${header}.${encode([claims])}.${signature}`],
    ['one bit of the signature', `${header}.${payload}.${flipped(signature)}`],
    ['more at the end', `${token}A`],
    ['four parts', `${token}.AAAA`],
  ]);
}

function flipped(signature: string): string {
  const bytes = Buffer.from(signature, 'base64url');
  bytes[0] = (bytes[0] ?? 0) ^ 1;
  return bytes.toString('base64url');
}
