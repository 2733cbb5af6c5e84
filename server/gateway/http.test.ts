import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPort } from './testing/ports.ts';

test('what is no call and no page is not found', async () => {
  await using port = await openPort();
  const answer = await fetch(`${port.url}/nothing`);
  assert.equal(answer.status, 404);
});
