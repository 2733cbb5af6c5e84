import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ServiceError, status } from '@grpc/grpc-js';
import { anonymousScheme } from '../auth/anonymous.ts';
import { createChain } from '../auth/chain.ts';
import type { WatchedStream } from '../auth/rights-watch.ts';
import { ArmadaError } from '../base/errors.ts';
import type { Door } from '../door/call.ts';
import { type BidiMethod, serving, type StreamMethod, type UnaryMethod } from '../grpc/testing/serving.ts';

test('a stream of either kind ends as soon as its caller is to be believed no longer', async () => {
  let ends = 0;
  const watched: WatchedStream[] = [];
  const rights: Door['rights'] = {
    watch(stream) {
      watched.push(stream);
      return { onQueue: () => assert.fail('it is on no queue'), release: () => ends++ };
    },
  };
  const count: StreamMethod = async function* (_request, { signal }) {
    yield 'first';
    await new Promise((resolve) => signal.addEventListener('abort', resolve));
    yield 'too late';
  };
  const talk: BidiMethod = async (requests, send) => {
    for await (const request of requests) await send(request);
  };
  const chain = createChain([{ ...anonymousScheme, challenge: 'Basic' }]);
  await using served = await serving({ count, talk }, { rights, chain }, 'execute_jobs');
  const openTalk = () => {
    const both = served.openTalk();
    both.write('hello');
    return both;
  };
  for (const open of [() => served.openCount('go'), openTalk]) {
    const call = open();
    const over = new Promise<ServiceError>((resolve) => call.once('error', resolve));
    await new Promise((resolve) => call.once('data', resolve));
    call.on('data', () => assert.fail('nothing comes after that'));
    watched.at(-1)?.end(new ArmadaError('CREDENTIALS_ENDED', 'the token has expired'));
    const { code, details, metadata } = await over;
    assert.deepEqual([code, details], [status.UNAUTHENTICATED, 'the token has expired']);
    assert.deepEqual(metadata.get('www-authenticate'), ['Basic']);
  }
  assert.deepEqual([watched.length, ends], [2, 2]);
  assert.deepEqual(new Set(watched.map(({ permission }) => permission)), new Set(['execute_jobs']));
});

test('what a stream says of its queue is watched with the verb that its method needs', async () => {
  const seen: string[] = [];
  const rights: Door['rights'] = {
    watch: ({ permission }) => ({
      onQueue: (queue, verb) => seen.push(`${verb} ${queue} ${permission}`),
      release: () => {},
    }),
  };
  const count: StreamMethod = async function* (request, { onQueue }) {
    onQueue(request);
    yield 'one';
  };
  const ask: UnaryMethod = (request, { onQueue }) => {
    onQueue(request);
    return '';
  };
  await using served = await serving({ ask, count }, { rights }, 'queue:watch');
  await served.count('q');
  await served.ask('q');
  assert.deepEqual(seen, ['watch q undefined']);
});
