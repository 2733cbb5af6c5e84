import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { createRefusedStrangers } from './refused-strangers.ts';

function open() {
  const clock = { nowMs: 0, now: () => 0, elapsed: () => clock.nowMs };
  const told: [string, number][] = [];
  const strangers = createRefusedStrangers(clock, (network, calls) => void told.push([network, calls]));
  const tell = (peer: string, times: number): number =>
    Array.from({ length: times }, () => strangers.isTold(peer)).filter(Boolean).length;
  return { clock, told, tell };
}

test('a hundred calls of a network are told in a minute, of the others how many they were', () => {
  const { clock, told, tell } = open();
  assert.equal(tell('10.0.0.1:5', 1000), 100);
  assert.equal(tell('10.0.0.2:5', 100), 100, 'another network');
  clock.nowMs = 60_000;
  assert.equal(tell('10.0.0.1:6', 1), 1);
  assert.deepEqual(told, [['10.0.0.1', 900]]);
  assert.equal(tell('10.0.0.2:6', 1), 1);
  assert.deepEqual(told, [['10.0.0.1', 900]], 'nothing was left out');
});

test('it is told how many they were when no more come', (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.after(() => mock.timers.reset());
  const { told, tell } = open();
  tell('10.0.0.1:5', 101);
  mock.timers.tick(59_999);
  assert.deepEqual(told, []);
  mock.timers.tick(1);
  assert.deepEqual(told, [['10.0.0.1', 1]]);
});

test('what is kept of networks is bounded', () => {
  const { clock, told, tell } = open();
  let lines = 0;
  for (let i = 0; i < 5_000; i++) lines += tell(`10.1.${i >> 8}.${i & 255}:1`, 1);
  assert.equal(lines, 1_000 + 100);
  clock.nowMs = 60_000;
  assert.equal(tell('10.2.0.0:1', 1), 1, 'one of the others, anew');
  assert.deepEqual(told, [['others', 5_000 - 1_000 - 100]]);
});
