import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGuesses } from './guesses.ts';

function guesses() {
  const clock = { nowMs: 0, now: () => 0, elapsed: () => clock.nowMs };
  return { clock, all: createGuesses(clock) };
}

test('after twenty wrong ones there is one more every five seconds, and the caller hears when', () => {
  const { clock, all } = guesses();
  for (let i = 0; i < 20; i++) {
    all.demand('ann', '10.0.0.1:1');
    all.wrong('ann', '10.0.0.1:1');
  }
  clock.nowMs = 1000;
  assert.throws(() => all.demand('ann', '10.0.0.1:2'), { code: 'OVERLOADED', retryAfterMs: 4000 });
  clock.nowMs = 5000;
  all.demand('ann', '10.0.0.1:3');
  all.wrong('ann', '10.0.0.1:3');
  assert.throws(() => all.demand('ann', '10.0.0.1:3'), { code: 'OVERLOADED' });
  clock.nowMs = 5000 + 21 * 5000;
  for (let i = 0; i < 20; i++) all.wrong('ann', '10.0.0.1:4');
  assert.throws(() => all.demand('ann', '10.0.0.1:4'), { code: 'OVERLOADED' });
});

test('an address is counted without its port, also of IPv6, and others are not counted with it', () => {
  const { all } = guesses();
  for (let i = 0; i < 20; i++) all.wrong(`user-${i}`, `[2001:db8::1]:${1000 + i}`);
  assert.throws(() => all.demand('ann', '[2001:db8::1]:1'), { code: 'OVERLOADED' });
  all.demand('ann', '[2001:db8::2]:1');
});

test('what is kept is bounded, whatever names are tried', () => {
  const { all } = guesses();
  for (let i = 0; i < 20; i++) all.wrong('ann', 'here:1');
  for (let i = 0; i < 10_000; i++) all.wrong(`user-${i}`, 'there:1');
  all.demand('ann', 'elsewhere:1');
});
