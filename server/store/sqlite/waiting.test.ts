import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Order } from './messages.ts';
import { createWaiting, MAX_TRANSACTION_BYTES } from './waiting.ts';

function order(id: number, urgent: boolean, bytes = 1): Order {
  return { id, urgent, bytes, work: { kind: 'lead', after: 0 } };
}

test('take() puts decisions and reports before submits, each in the order in which they came', () => {
  const waiting = createWaiting();
  for (const each of [order(1, false), order(2, true), order(3, false), order(4, true)]) waiting.add(each);
  assert.deepEqual(
    waiting.take().map(({ id }) => id),
    [2, 4, 1, 3],
  );
  assert.deepEqual(waiting.take(), []);
});

test('take() keeps a transaction within bounds and starves no kind', () => {
  const waiting = createWaiting();
  const large = MAX_TRANSACTION_BYTES;
  for (const id of [1, 2]) waiting.add(order(id, true, large));
  for (const id of [3, 4]) waiting.add(order(id, false, large));
  assert.deepEqual(
    waiting.take().map(({ id }) => id),
    [1, 3],
  );
  assert.deepEqual(
    waiting.take().map(({ id }) => id),
    [2, 4],
  );
});
