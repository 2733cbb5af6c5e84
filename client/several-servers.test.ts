import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { Queue } from '@armada-ts/api/api/queue';
import { connect } from './connect.ts';
import { getQueue } from './queues.ts';
import { type FakeMethods, refusal, startFakeServer } from './testing/fake-server.ts';

/** Answers well, or as unavailable. */
function serving(name: string, isAble: () => boolean): FakeMethods {
  return {
    queues: {
      getQueue: (_, callback) => {
        if (isAble()) callback(null, { ...Queue.create(), name });
        else callback(refusal(status.UNAVAILABLE, 'the store is away'));
      },
    },
  };
}

test('a server that cannot do its work is left for the next, and nobody who asks at that time is told', async () => {
  let able = 0;
  await using one = await startFakeServer(serving('one', () => able === 0));
  await using two = await startFakeServer(serving('two', () => able === 1));
  using connection = connect({ address: `${one.address},${two.address}` });
  let isOver = false;
  let asked = 0;
  const askers = Array.from({ length: 50 }, async () => {
    while (!isOver) {
      await getQueue(connection, 'demo');
      asked += 1;
    }
  });
  for (const next of [1, 0, 1]) {
    const before = asked;
    while (asked < before + 300) await new Promise((resolve) => setTimeout(resolve, 5));
    able = next;
  }
  const before = asked;
  while (asked < before + 300) await new Promise((resolve) => setTimeout(resolve, 5));
  isOver = true;
  await Promise.all(askers);
  assert.equal((await getQueue(connection, 'demo')).name, 'two');
});

test('a call that begins as the connection is closed ends with CANCELLED', async () => {
  await using server = await startFakeServer(serving('one', () => true));
  const connection = connect({ address: server.address });
  await getQueue(connection, 'demo');
  const calls = Array.from({ length: 20 }, async (_, hops) => {
    for (let hop = 0; hop < hops; hop += 1) await Promise.resolve();
    return await getQueue(connection, 'demo');
  });
  const ends = Promise.allSettled(calls);
  await Promise.resolve();
  for (let hop = 0; hop < 10; hop += 1) await Promise.resolve();
  connection.close();
  for (const end of await ends) {
    assert.ok(end.status === 'rejected');
    assert.equal((end.reason as { code?: unknown }).code, 'CANCELLED');
  }
});
