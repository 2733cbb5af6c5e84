import assert from 'node:assert/strict';
import { test } from 'node:test';
import { logShare } from './log-share.ts';

test('logShare() cuts the largest logs to one level, and none when all fit', () => {
  const cases: [bytes: number[], share: number][] = [
    [[0, 0, 0, 0], Infinity],
    [[0, 1500, 0, 0], Infinity],
    [[0, 1501, 0, 0], 1500],
    [[100, 5000, 0, 0], 1400],
    [[100, 5000, 300, 5000], 550],
    [[9000, 9000, 9000, 9000], 375],
  ];
  for (const [bytes, share] of cases) {
    assert.equal(logShare(bytes, 1600), Math.min(share, Number.MAX_SAFE_INTEGER), String(bytes));
    const kept = bytes.reduce((sum, each) => sum + Math.min(each, share), 0);
    assert(kept <= 1500, `${kept} of ${String(bytes)}`);
  }
});
