import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFaultList, refusal } from './faults.ts';

test('refusal() tells in one line what it has room for and counts the rest', () => {
  const list = createFaultList();
  list.add('a', 'must be b');
  list.add('c', 'must be d');
  assert.equal(refusal(list).message, 'a must be b; c must be d');
  for (let i = 0; i < 40; i++) list.add(`items[${i}]`, 'x'.repeat(200));
  const { message, faults, code } = refusal(list);
  assert.equal(code, 'INVALID_REQUEST');
  assert.equal(faults.length, 20);
  assert.ok(message.length < 2000);
  const told = message.split('; ').length - 1;
  assert.match(message, new RegExp(`; and ${42 - told} more$`));
});

test('refusal() measures its text as a trailer spells it', () => {
  const list = createFaultList();
  for (let i = 0; i < 40; i++) list.add(`items[${i}]`, 'must be "ü", got "ö"');
  const { message } = refusal(list);
  assert.ok(encodeURI(message).length < 2000);
  const told = message.split('; ').length - 1;
  assert.ok(told >= 20);
  assert.match(message, new RegExp(`; and ${40 - told} more$`));
});
