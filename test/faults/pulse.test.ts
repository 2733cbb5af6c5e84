import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from './history.ts';
import { pausesOf } from './pulse.ts';

const answer = (timeMs: number, clientId = `pulse-${timeMs}`): Entry => {
  const what = { kind: 'submit', queue: 'q', jobSet: 's', clientId, expect: 'succeeded' } as const;
  return { ...what, outcome: 'acknowledged', timeMs };
};
const down = (program: string, timeMs: number): Entry => ({ kind: 'down', program, timeMs });

test('pausesOf() tells the longest time without an answer after each kill', () => {
  const entries = [
    answer(100),
    answer(180),
    down('master', 200),
    // An answer that was on its way when the master died does not end the pause.
    answer(201),
    answer(3_201),
    answer(3_300),
    down('server', 3_350),
    answer(3_400),
    down('master', 3_500),
    answer(5_000),
  ];
  assert.deepEqual(
    pausesOf(entries),
    new Map([
      ['master', [3_000, 1_600]],
      ['server', [100]],
    ]),
  );
});

test('pausesOf() counts the time until the end when no answer came, and only answers to the pulse', () => {
  const finish: Entry = { kind: 'finish', timeMs: 9_000 };
  const entries = [answer(100), down('master', 200), answer(300, 'job-1'), finish];
  assert.deepEqual(pausesOf(entries), new Map([['master', [8_900]]]));
  assert.deepEqual(pausesOf([answer(300, 'job-1'), down('master', 200)]), new Map());
});
