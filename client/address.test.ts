import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usesTls } from './address.ts';

test('usesTls() is on unless the server is on this machine or TLS is refused', () => {
  assert.equal(usesTls('armada.example.com:443', false), true);
  assert.equal(usesTls('armada.example.com:443', true), false);
  assert.equal(usesTls('localhost:50051', false), false);
});
