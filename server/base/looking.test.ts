import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { keepLooking } from './looking.ts';

test('keepLooking() looks until it is disposed of, and tells of each fault once', async () => {
  const results = ['', 'no file', 'no file', 'no key', '', 'no key'];
  const faults: string[] = [];
  let looks = 0;
  {
    await using _looking = keepLooking({
      look: async () => {
        const fault = results[looks++] ?? '';
        await sleep(1);
        if (fault) throw new Error(fault);
      },
      onFault: (fault) => faults.push(fault),
      everyMs: 1,
    });
    while (looks < results.length + 1) await sleep(1);
  }
  const seen = looks;
  await sleep(20);
  assert.equal(looks, seen, 'it looks on');
  assert.deepEqual(faults, ['no file', 'no key', 'no key']);
});
