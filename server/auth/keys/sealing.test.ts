import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { parseSealingKeys, seal, unseal } from './sealing.ts';

const [one, other] = [randomBytes(32), randomBytes(32)];
const plain = Buffer.from('a keyring');

test('unseal() opens what was sealed with any of its keys, and nothing else', () => {
  const sealed = seal(plain, [one]);
  assert.deepEqual(unseal(sealed, [other, one]), plain);
  assert.equal(unseal(sealed, [other]), undefined);
  assert.ok(!sealed.includes(plain));
  assert.notDeepEqual(seal(plain, [one]), sealed, 'a nonce was used twice');
  for (const end of [0, 1, 20, sealed.length - 1]) {
    assert.equal(unseal(sealed.subarray(0, end), [one]), undefined, `${end} bytes`);
  }
  for (let place = 0; place < sealed.length; place++) {
    const damaged = Buffer.from(sealed);
    damaged.writeUInt8(damaged.readUInt8(place) ^ 1, place);
    assert.equal(unseal(damaged, [one]), undefined, `byte ${place}`);
  }
});

test('parseSealingKeys() reads 32 bytes in base64, once or several times', () => {
  const text = one.toString('base64');
  assert.deepEqual(parseSealingKeys(`${text}\n`), [one]);
  assert.deepEqual(parseSealingKeys(`${text} \n${other.toString('base64')}`), [one, other]);
  for (const wrong of [
    '',
    ' ',
    text.slice(1),
    `${text} short`,
    randomBytes(16).toString('base64'),
    one.toString('hex'),
  ]) {
    assert.equal(parseSealingKeys(wrong), undefined, wrong);
  }
});
