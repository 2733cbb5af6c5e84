import { ReadFleetRequest, ReadFleetResponse } from '@armada-ts/api/armada/server/v1/peers';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAsking } from './asking.ts';
import type { ToWorker } from './messages.ts';

const QUESTION: ReadFleetRequest = {
  question: { $case: 'nodes', value: { executor: 'east', name: '', pageSize: 0, pageToken: '' } },
};

function setUp() {
  const sent: Extract<ToWorker, { kind: 'ask' }>[] = [];
  const thread = { send: (message: ToWorker) => void (message.kind === 'ask' && sent.push(message)) };
  let isLeading = true;
  const asking = createAsking(thread, () => isLeading);
  const answer = (index: number, nextPageToken: string): void => {
    const told: ReadFleetResponse = { answer: { $case: 'nodes', value: { nodes: [], nextPageToken } } };
    asking.answered(sent[index]!.id, ReadFleetResponse.encode(told).finish());
  };
  const stopLeading = (): void => {
    isLeading = false;
    asking.refuseAll();
  };
  return { asking, sent, answer, stopLeading };
}

test('each question gets its own answer, in whatever order they come', async () => {
  const { asking, sent, answer } = setUp();
  const [first, second] = [asking.ask(QUESTION), asking.ask(QUESTION)];
  assert.deepEqual(ReadFleetRequest.decode(sent[0]!.bytes).question?.$case, 'nodes');
  answer(1, 'second');
  answer(0, 'first');
  answer(0, 'once more');
  const tokens = (await Promise.all([first, second])).map((told) => {
    assert(told.answer?.$case === 'nodes');
    return told.answer.value.nextPageToken;
  });
  assert.deepEqual(tokens, ['first', 'second']);
});

test('nobody waits for a thread that does not lead, or leads no more', async () => {
  const { asking, sent, stopLeading } = setUp();
  const waiting = asking.ask(QUESTION);
  stopLeading();
  await assert.rejects(waiting, { code: 'UNAVAILABLE' });
  await assert.rejects(asking.ask(QUESTION), { code: 'UNAVAILABLE' });
  assert.equal(sent.length, 1);
});

test('more questions than the thread should have before it are refused', async () => {
  const { asking, sent, answer } = setUp();
  const waiting = Array.from({ length: 100 }, () => asking.ask(QUESTION));
  await assert.rejects(asking.ask(QUESTION), { code: 'UNAVAILABLE', retryAfterMs: 1000 });
  for (const index of sent.keys()) answer(index, '');
  assert.equal((await Promise.all(waiting)).length, 100);
});

test('a thread that is silent for too long is waited for no longer', async (context) => {
  const { asking } = setUp();
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const waiting = asking.ask(QUESTION);
  context.mock.timers.tick(4_000);
  await assert.rejects(waiting, { code: 'UNAVAILABLE' });
});
