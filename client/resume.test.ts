import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ArmadaClientError } from './errors.ts';
import { resuming } from './resume.ts';

type Act = (onSent: () => void) => AsyncIterable<string>;

const expired = () => new ArmadaClientError('UNAUTHENTICATED', 'the token has expired');

async function* failing(...messages: string[]): AsyncGenerator<string> {
  yield* messages;
  throw expired();
}

/** All messages of streams that are opened one after another; the last goes on until it is left. */
async function readThrough(
  ...streams: Act[]
): Promise<{ messages: string[]; opened: number; error?: unknown }> {
  const messages: string[] = [];
  let opened = 0;
  const open = (onSent: () => void) => {
    const next = streams[opened++];
    assert.ok(next, 'it was opened too often');
    return next(onSent);
  };
  try {
    for await (const message of resuming(open, { endless: false, firstDelayMs: 1 })) messages.push(message);
  } catch (error) {
    return { messages, opened, error };
  }
  return { messages, opened };
}

async function* ending(...messages: string[]): AsyncGenerator<string> {
  yield* messages;
}

test('a stream that ends with its credentials goes on with new ones', async () => {
  const read = await readThrough(
    () => failing('one'),
    () => ending('two'),
  );
  assert.deepEqual(read, { messages: ['one', 'two'], opened: 2 });
});

test('so does one that was let in and had nothing to say', async () => {
  const quiet: Act = async function* (onSent) {
    onSent();
    await sleep(1_100);
    yield* failing();
  };
  const read = await readThrough(quiet, () => ending('one'));
  assert.deepEqual(read, { messages: ['one'], opened: 2 });
});

test('a server that says why is believed, however long it takes and however soon it says so', async () => {
  const quiet = (reason: string, delayMs: number): Act =>
    async function* (onSent) {
      onSent();
      await sleep(delayMs);
      yield* ending();
      throw new ArmadaClientError('UNAUTHENTICATED', 'no', { reason });
    };
  const refused = await readThrough(quiet('UNAUTHENTICATED', 1_100));
  assert.equal(refused.opened, 1);
  assert.match(String(refused.error), /no/);
  const ended = await readThrough(quiet('CREDENTIALS_ENDED', 0), () => ending('one'));
  assert.deepEqual(ended, { messages: ['one'], opened: 2 });
});

test('who takes long to say who they are is refused as any', async () => {
  const typed: Act = async function* (onSent) {
    await sleep(1_100);
    onSent();
    yield* failing();
  };
  const read = await readThrough(typed);
  assert.equal(read.opened, 1);
  assert.deepEqual(read.error, expired());
});

test('credentials that are refused are refused, at first and later', async () => {
  const first = await readThrough(() => failing());
  assert.equal(first.opened, 1);
  assert.deepEqual(first.error, expired());
  const later = await readThrough(
    () => failing('one'),
    () => failing(),
  );
  assert.deepEqual([later.messages, later.opened], [['one'], 2]);
  assert.deepEqual(later.error, expired());
});
