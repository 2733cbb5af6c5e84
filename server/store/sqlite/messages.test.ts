import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Order, packOrders, unpackOrders } from './messages.ts';

function append(id: number, urgent: boolean, content: Uint8Array<ArrayBuffer>): Order {
  return {
    id,
    urgent,
    bytes: content.length,
    work: { kind: 'append', batch: content, now: 1_700_000_000_000 + id },
  };
}

const plain = (orders: Iterable<Order>) =>
  Array.from(orders, ({ work, ...order }) => ({
    ...order,
    work: work.kind === 'append' ? { ...work, batch: [...work.batch] } : work,
  }));

test('orders cross threads in their order, small appends in one piece', () => {
  const large = new Uint8Array(100_000).fill(7);
  const orders = [
    append(1, false, Uint8Array.of(1, 2, 3)),
    append(2, true, new Uint8Array(0)),
    { id: 3, urgent: true, bytes: 0, work: { kind: 'lead', after: 4 } } satisfies Order,
    append(4, false, Uint8Array.of(4)),
    append(5, false, large),
    append(6, true, Uint8Array.of(5, 6)),
  ];
  const expected = plain(orders);
  const { packed, moved } = packOrders(orders);
  assert.equal(packed.length, 5);
  const crossed = structuredClone(packed, { transfer: moved });
  assert.deepEqual(plain(unpackOrders(crossed)), expected);
  assert.equal(large.length, 0, 'a large batch is handed over, not copied');
});
