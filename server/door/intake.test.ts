import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createIntake } from './intake.ts';

test('one connection may hold half of what there is, the next half of the rest', () => {
  const intake = createIntake(100);
  const [first, second] = [{}, {}];
  assert.equal(intake.begin(first).add(50), true);
  assert.equal(intake.begin(first).add(1), false);
  assert.equal(intake.begin(second).add(25), true);
  assert.equal(intake.begin(second).add(1), false);
});

test('what is over is free again, once', () => {
  const intake = createIntake(100);
  const connection = {};
  const one = intake.begin(connection);
  assert.equal(one.add(30), true);
  assert.equal(one.add(20), true);
  one.over();
  one.over();
  const other = intake.begin(connection);
  assert.equal(other.add(50), true);
  assert.equal(other.add(1), false);
});
