import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createSender } from './sender.ts';

/** A call of which the test says when a message is on its way. */
function setUp(maxUnsent: number, slowClientMs = 10_000) {
  const gone = new AbortController();
  const written: number[] = [];
  const sent: (() => void)[] = [];
  const call = {
    writableEnded: false,
    write(message: number, done: () => void) {
      written.push(message);
      sent.push(done);
    },
  };
  const sender = createSender<number>(call, { signal: gone.signal, slowClientMs, maxUnsent });
  return { call, sender, written, gone, next: () => sent.shift()?.() };
}

const settled = (): Promise<void> => new Promise(setImmediate);

test('send() waits while as many messages are unsent as may be', async () => {
  const { sender, next, written } = setUp(3);
  let resolved = 0;
  const run = (async () => {
    for (let i = 0; i < 5; i++) await sender.send(i).then(() => resolved++);
  })();
  await settled();
  assert.deepEqual([written.length, resolved], [3, 2]);
  next();
  await settled();
  assert.deepEqual([written.length, resolved], [4, 3]);
  next();
  next();
  await settled();
  assert.deepEqual([written, resolved], [[0, 1, 2, 3, 4], 5]);
  await run;
  sender[Symbol.dispose]();
});

test('a client that goes lets the sender go on, and nothing more is written', async () => {
  const { sender, gone, written } = setUp(1);
  const waiting = sender.send(1);
  gone.abort();
  await waiting;
  await sender.send(2);
  assert.deepEqual(written, [1]);
  sender[Symbol.dispose]();
});

test('a client is cut off when it takes nothing for long, not for the time between messages', async () => {
  const { sender, next } = setUp(1, 60);
  for (let i = 0; i < 3; i++) {
    const waiting = sender.send(i);
    await sleep(35);
    next();
    await waiting;
    await sleep(35);
  }
  await assert.rejects(sender.send(4), { code: 'WATCH_BEHIND', message: /took nothing for 0\.06 s/ });
  sender[Symbol.dispose]();
});

test('nothing is written after the end', async () => {
  const { sender, call, written } = setUp(1);
  call.writableEnded = true;
  await sender.send(1);
  assert.deepEqual(written, []);
  sender[Symbol.dispose]();
});
