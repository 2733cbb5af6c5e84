import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { judgeToken } from './spnego.ts';

const KERBEROS = '06092a864886f712010202';
const OF_MICROSOFT = '06092a864882f712010202';
const NTLM = '060a2b06010401823702020a';
const IAKERB = '06062b0601050205';
const SPNEGO = '06062b0601050502';

/** A value of DER in hex, of less than 128 bytes. */
function der(tag: string, ...parts: string[]): string {
  const content = parts.join('');
  return tag + (content.length / 2).toString(16).padStart(2, '0') + content;
}

const first = (...mechanisms: string[]): string =>
  der('60', SPNEGO, der('a0', der('30', der('a0', der('30', ...mechanisms)))));
const judge = (hex: string) => judgeToken(Buffer.from(hex, 'hex'));

test('judgeToken() takes what offers Kerberos, wherever it stands among the mechanisms', () => {
  for (const mechanisms of [[KERBEROS], [OF_MICROSOFT], [NTLM, KERBEROS]]) {
    assert.deepEqual(judge(first(...mechanisms)), { kind: 'first' });
  }
  assert.deepEqual(judge(der('a1', der('30', der('a0', '0a0100')))), { kind: 'next' });
});

test('judgeToken() says what is wrong with other tokens', () => {
  const table: [string, RegExp][] = [
    ['', /none of SPNEGO/],
    [Buffer.from('NTLMSSP\0\x01').toString('hex'), /NTLM/],
    [first(NTLM), /does not offer Kerberos/],
    [first(), /does not offer Kerberos/],
    [first(KERBEROS, IAKERB), /IAKERB/],
    [first(KERBEROS, '0500'), /malformed/],
    [`${first(KERBEROS)}00`, /none of SPNEGO/],
    [first(KERBEROS).slice(0, -2), /none of SPNEGO/],
    [der('60', KERBEROS, '0100'), /none of SPNEGO/],
    [der('60', SPNEGO, der('a1', '')), /malformed/],
    [der('a1', der('31', '')), /malformed/],
    ['6080', /none of SPNEGO/],
    ['6084ffffffff', /none of SPNEGO/],
    [first(...Array.from({ length: 33 }, () => '0600'), KERBEROS), /malformed/],
  ];
  for (const [hex, reason] of table) assert.match(judge(hex).refused ?? 'taken', reason, hex);
  assert.match(judgeToken(Buffer.alloc(65_536)).refused ?? 'taken', /too large/);
});

test('judgeToken() answers whatever it is shown', () => {
  const whole = Buffer.from(first(NTLM, KERBEROS), 'hex');
  const changed = fc
    .tuple(fc.nat(whole.length - 1), fc.nat(255))
    .map(([at, byte]) => Buffer.from(Uint8Array.from(whole).with(at, byte)));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
        changed,
      ),
      (token) => {
        const { kind, refused } = judgeToken(token);
        assert((kind === undefined) !== (refused === undefined));
      },
    ),
  );
});
