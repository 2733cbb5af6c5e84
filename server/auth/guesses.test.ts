import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGuesses } from './guesses.ts';

const DAY_S = 24 * 60 * 60;

function guesses() {
  const clock = { nowMs: 0, now: () => 0, elapsed: () => clock.nowMs };
  const all = createGuesses(clock);
  /** Guesses wrongly as often as is let, and tells how often that was. */
  const guess = (name: string, peer: string, times: number): number => {
    for (let i = 0; i < times; i++) {
      try {
        all.demand(name, peer);
      } catch {
        return i;
      }
      all.wrong(name, peer);
    }
    return times;
  };
  return { clock, all, guess };
}

test('after twenty wrong ones there is one more every five seconds, and the caller hears when', () => {
  const { clock, all, guess } = guesses();
  assert.equal(guess('ann', '10.0.0.1:1', 100), 20);
  clock.nowMs = 1000;
  assert.throws(() => all.demand('ann', '10.0.0.1:2'), { code: 'OVERLOADED', retryAfterMs: 4000 });
  clock.nowMs = 5000;
  assert.equal(guess('ann', '10.0.0.1:3', 100), 1);
  clock.nowMs = 5000 + 21 * 5000;
  assert.equal(guess('ann', '10.0.0.1:4', 100), 20);
});

test('who guesses at one user keeps nobody else out, neither the user elsewhere nor others beside them', () => {
  const { all, guess } = guesses();
  guess('ann', '10.0.0.9:1', 1000);
  all.demand('ann', '10.0.0.1:1');
  all.demand('bob', '10.0.0.9:1');
});

test('programs with old passwords leave room for new users of their network', () => {
  const { clock, all, guess } = guesses();
  for (let s = 0; s < 3600; s++) {
    clock.nowMs = s * 1000;
    for (const name of ['a', 'b', 'c', 'd']) guess(name, '10.0.0.9:1', 10);
    all.demand('ann', '10.0.0.9:1');
  }
});

test('a network that guesses at everybody has one more every second, also when it has many addresses', () => {
  const { clock, guess, all } = guesses();
  let guessed = 0;
  for (let i = 0; i < 1000; i++) guessed += guess(`user-${i}`, `[2001:db8::${i.toString(16)}]:7`, 1);
  assert.equal(guessed, 200);
  clock.nowMs = 1000;
  assert.equal(guess('ann', '[2001:db8::1]:1', 100), 1);
  all.demand('ann', '[2001:db8:0:1::1]:1');
});

test('many networks that guess at one user do not keep the user out, and have one try each in a while', () => {
  const { clock, all, guess } = guesses();
  const networkNo = (i: number): string => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}:1`;
  for (let i = 0; i < 100; i++) guess('ann', networkNo(i), 1);
  let guessed = 0;
  for (clock.nowMs = 0; clock.nowMs < 600_000; clock.nowMs += 10_000) {
    for (let i = 1000; i < 1200; i++) guessed += guess('ann', networkNo(i), 100);
    all.demand('ann', '192.0.2.1:1');
  }
  assert.ok(guessed <= 200 + 600_000 / 5_000, `${guessed} in ten minutes from 200 networks`);
});

test('what one network can guess in a day is bounded, for one user and for all', () => {
  const { clock, guess } = guesses();
  let atOne = 0;
  let atAll = 0;
  for (let s = 0; s < DAY_S; s += 1) {
    clock.nowMs = s * 1000;
    atOne += guess('ann', '10.0.0.1:1', 100);
    atAll += guess(`user-${s}`, '10.0.0.2:1', 100);
  }
  assert.ok(atOne <= 20 + DAY_S / 5, `${atOne}`);
  assert.ok(atAll <= 200 + DAY_S, `${atAll}`);
});

test('other names do not make guesses forgotten', () => {
  const { all, guess } = guesses();
  guess('ann', '10.0.0.1:1', 20);
  for (let i = 0; i < 60_000; i++) all.wrong(`user-${i}`, `10.1.${i >> 8}.${i & 255}:1`);
  assert.throws(() => all.demand('ann', '10.0.0.1:1'), { code: 'OVERLOADED' });
});
