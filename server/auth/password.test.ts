import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hashPassword, isPassword, parsePasswordHash, unmatchable } from './password.ts';

test('hashPassword() makes a salted line that only the password matches', async () => {
  const line = await hashPassword('s3cret: with colon');
  assert.notEqual(line, await hashPassword('s3cret: with colon'));
  const kept = parsePasswordHash(line);
  assert.ok(kept);
  assert.equal(await isPassword('s3cret: with colon', kept), true);
  assert.equal(await isPassword('s3cret', kept), false);
  assert.equal(await isPassword('s3cret: with colon', unmatchable(kept)), false);
});

test('isPassword() agrees with a vector of RFC 7914', async () => {
  const hash = Buffer.from(
    'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
    'hex',
  ).toString('base64');
  // The vector's salt is "NaCl", shorter than what the configuration may hold.
  const kept = parsePasswordHash(`scrypt$1024$8$16$${Buffer.alloc(8).toString('base64')}$${hash}`);
  assert.ok(kept);
  assert.equal(await isPassword('password', { ...kept, salt: Buffer.from('NaCl') }), true);
});

test('parsePasswordHash() refuses other texts, and costs that nobody could pay', () => {
  const salt = Buffer.alloc(16, 1).toString('base64');
  const hash = Buffer.alloc(32, 1).toString('base64');
  assert.ok(parsePasswordHash(`scrypt$16384$8$1$${salt}$${hash}`));
  const wrong = [
    '',
    'secret',
    `bcrypt$16384$8$1$${salt}$${hash}`,
    `scrypt$16383$8$1$${salt}$${hash}`,
    `scrypt$0$8$1$${salt}$${hash}`,
    `scrypt$67108864$8$1$${salt}$${hash}`,
    `scrypt$16384$0$1$${salt}$${hash}`,
    `scrypt$16384$8$999$${salt}$${hash}`,
    `scrypt$16384$8$1$AAAA$${hash}`,
    `scrypt$16384$8$1$${salt}$AAAA`,
    `scrypt$16384$8$1$${salt}`,
  ];
  for (const text of wrong) assert.equal(parsePasswordHash(text), undefined, text);
});
