import assert from 'node:assert/strict';
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { test } from 'node:test';
import { parseRevocationList } from './revocation-list.ts';

const { privateKey, publicKey } = generateKeyPairSync('ed25519');

/** A value of DER. */
function der(tag: number, ...content: readonly Buffer[]): Buffer {
  const whole = Buffer.concat(content);
  const length = whole.length < 0x80 ? [whole.length] : [0x83, ...lengthBytes(whole.length)];
  return Buffer.concat([Buffer.of(tag, ...length), whole]);
}

function lengthBytes(length: number): number[] {
  return [length >> 16, (length >> 8) & 0xff, length & 0xff];
}

const ED25519 = der(0x30, der(0x06, Buffer.from('2b6570', 'hex')));
const utcTime = (text: string): Buffer => der(0x17, Buffer.from(text));
const entryOf = (serial: Buffer): Buffer => der(0x30, der(0x02, serial), utcTime('260101000000Z'));

/** @param fields those after the name of the authority */
function listOf(...fields: readonly Buffer[]): Buffer {
  const signed = der(0x30, der(0x02, Buffer.of(1)), ED25519, der(0x30), ...fields);
  const signature = sign(null, signed, privateKey);
  return der(0x30, signed, ED25519, der(0x03, Buffer.of(0), signature));
}

test('parseRevocationList() reads lists with and without what may be left out', () => {
  const thisUpdate = utcTime('260101000000Z');
  const entries = der(0x30, entryOf(Buffer.of(0, 0xab)), entryOf(Buffer.of(1, 2)));
  const isDelta = der(0xa0, der(0x30, der(0x30, der(0x06, Buffer.from('551d1b', 'hex')))));
  const nextUpdate = der(0x18, Buffer.from('20510203040506Z'));
  const bare = parseRevocationList(listOf(thisUpdate));
  assert.deepEqual([...bare.serials, bare.untilMs, bare.isDelta], [Number.POSITIVE_INFINITY, false]);
  const endless = parseRevocationList(listOf(thisUpdate, entries, isDelta));
  assert.deepEqual([...endless.serials], ['ab', '102']);
  assert.deepEqual([endless.untilMs, endless.isDelta], [Number.POSITIVE_INFINITY, true]);
  const ending = parseRevocationList(listOf(thisUpdate, nextUpdate, entries));
  assert.deepEqual([ending.untilMs, ending.serials.size], [Date.UTC(2051, 1, 3, 4, 5, 6), 2]);
  assert.equal(ending.isSignedBy(publicKey), true);
  const { publicKey: other } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  assert.equal(ending.isSignedBy(other), false);
});

test('parseRevocationList() takes nothing that is not whole, and proves every byte', () => {
  const whole = listOf(utcTime('260101000000Z'), der(0x30, entryOf(Buffer.of(7))));
  for (let length = 0; length < whole.length; length++)
    assert.throws(() => parseRevocationList(whole.subarray(0, length)), `${length} bytes`);
  assert.throws(() => parseRevocationList(Buffer.concat([whole, Buffer.of(0)])));
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed.writeUInt8(whole.readUInt8(at) ^ 1, at);
    let isTaken = false;
    try {
      isTaken = parseRevocationList(changed).isSignedBy(publicKey);
    } catch {}
    // How many bits of the last byte do not count is not looked at: there are none.
    assert.equal(isTaken, at === whole.length - 65, `byte ${at}`);
  }
});

test('parseRevocationList() reads a long list', () => {
  const entries = Array.from({ length: 50_000 }, () =>
    entryOf(Buffer.concat([Buffer.of(1), randomBytes(15)])),
  );
  const { serials } = parseRevocationList(listOf(utcTime('260101000000Z'), der(0x30, ...entries)));
  assert.equal(serials.size, 50_000);
});
