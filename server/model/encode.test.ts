import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Toleration } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { encodeMessage } from './encode.ts';

test('encodeMessage() gives each message bytes of its own', () => {
  const short = Toleration.create({ key: 'a' });
  const long = Toleration.create({ key: 'b'.repeat(5000) });
  const results = [short, long, short].map((message) => encodeMessage(Toleration, message));
  assert.deepEqual(
    results,
    [short, long, short].map((message) => Buffer.from(Toleration.encode(message).finish())),
  );
});

test('encodeMessage() is not spoilt by a message that cannot be encoded', () => {
  const wrong = { ...Toleration.create({ key: 'left over' }), tolerationSeconds: 2n ** 70n };
  assert.throws(() => encodeMessage(Toleration, wrong));
  assert.deepEqual(encodeMessage(Toleration, Toleration.create({ key: 'a' })), Buffer.from([0x0a, 1, 0x61]));
});
