import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { test } from 'node:test';
import { createPeerTokens, type PeerTokens } from './token.ts';

const SECRET = Buffer.from('the secret of one store, which is long enough');
const MINUTE_MS = 60_000;

let nowMs = 1_800_000_000_000;
const clock = { now: () => nowMs, elapsed: () => 0 };
const tokens = (id: string, secret = SECRET): PeerTokens => createPeerTokens(secret, id, clock);

test('a token names its caller to the server that it was made for', () => {
  assert.equal(tokens('b').callerOf(tokens('a').tokenFor('b')), 'a');
  assert.equal(tokens('b').callerOf(tokens('b').tokenFor('b')), 'b');
});

test('a token is good for no other server, and with no other secret', () => {
  const token = tokens('a').tokenFor('b');
  assert.equal(tokens('c').callerOf(token), undefined);
  assert.equal(tokens('a').callerOf(token), undefined);
  assert.equal(tokens('b', Buffer.from('another secret')).callerOf(token), undefined);
});

test('a token is good for a minute, and for as long as clocks may differ', () => {
  const made = nowMs;
  const token = tokens('a').tokenFor('b');
  nowMs = made + 6 * MINUTE_MS;
  assert.equal(tokens('b').callerOf(token), 'a');
  nowMs++;
  assert.equal(tokens('b').callerOf(token), undefined);
  nowMs = made - 5 * MINUTE_MS;
  assert.equal(tokens('b').callerOf(token), 'a');
  nowMs--;
  assert.equal(tokens('b').callerOf(token), undefined, 'made to last');
  nowMs = made;
});

test('no part of a token can be altered', () => {
  const token = tokens('a').tokenFor('b');
  const [caller = '', expiry = '', signature = ''] = token.split('.');
  const flipped = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`;
  for (const altered of [
    ['c', expiry, signature],
    [caller, String(Number(expiry) + 1), signature],
    [caller, `0${expiry}`.slice(0, 15), flipped],
    [caller, expiry, flipped],
    [caller, expiry, signature.slice(1)],
    [caller, expiry, `${signature}A`],
    [caller, expiry, ''],
    [caller, expiry],
    [signature],
    [`${caller}|b`, expiry, signature],
  ]) {
    assert.equal(tokens('b').callerOf(altered.join('.')), undefined, altered.join('.'));
  }
  assert.equal(tokens('b').callerOf(`${token} `), undefined);
  assert.equal(tokens('b').callerOf(`${token}\n`), undefined);
  assert.equal(tokens('b').callerOf(''), undefined);
});

test('who does not know the secret can make no token, not even with an empty one', () => {
  const expiry = nowMs + MINUTE_MS;
  const signature = createHmac('sha256', '').update(`a|b|${expiry}`).digest('base64url');
  assert.equal(tokens('b').callerOf(`a.${expiry}.${signature}`), undefined);
});
