import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { Queue } from '@armada-ts/api/api/queue';
import { RetryInfo } from '@armada-ts/api/google/rpc/error_details';
import { connect } from './connect.ts';
import { createQueue, getQueue, updateQueue } from './queues.ts';
import { delayBefore, pause } from './retry.ts';
import { detail, type FakeMethods, refusal, startFakeServer } from './testing/fake-server.ts';

function retryAfter(seconds: number, nanos = 0) {
  return [detail('google.rpc.RetryInfo', RetryInfo, { retryDelay: { seconds: BigInt(seconds), nanos } })];
}

/** Answers with the failures one after the other, then well; counts the calls. */
function failing(failures: ReturnType<typeof refusal>[]): { methods: FakeMethods; calls: () => number } {
  let calls = 0;
  return {
    calls: () => calls,
    methods: {
      queues: {
        getQueue: (call, callback) => {
          const failure = failures[calls];
          calls += 1;
          if (failure) callback(failure);
          else callback(null, { ...Queue.create(), name: call.request.name });
        },
        createQueue: (_, callback) => {
          calls += 1;
          callback(refusal(status.UNAVAILABLE, 'stopping'));
        },
      },
    },
  };
}

test('calls that may be carried out twice are repeated after failures that pass', async () => {
  const { methods, calls } = failing([
    refusal(status.UNAVAILABLE, 'stopping'),
    refusal(status.ABORTED, 'others were faster'),
    refusal(status.RESOURCE_EXHAUSTED, 'busy', retryAfter(0, 5_000_000)),
  ]);
  await using server = await startFakeServer(methods);
  using connection = connect({ address: server.address });
  assert.equal((await getQueue(connection, 'demo')).name, 'demo');
  assert.equal(calls(), 4);
});

test('failures that last are not repeated, nor calls that must not be carried out twice', async () => {
  const codes = [
    status.INVALID_ARGUMENT,
    status.NOT_FOUND,
    status.ALREADY_EXISTS,
    status.PERMISSION_DENIED,
    status.UNAUTHENTICATED,
    status.FAILED_PRECONDITION,
    status.OUT_OF_RANGE,
    status.UNIMPLEMENTED,
    status.INTERNAL,
    status.DEADLINE_EXCEEDED,
    // Without a hint: the request itself is too large.
    status.RESOURCE_EXHAUSTED,
  ];
  for (const code of codes) {
    const { methods, calls } = failing([refusal(code, 'no')]);
    await using server = await startFakeServer(methods);
    using connection = connect({ address: server.address });
    await assert.rejects(updateQueue(connection, 'demo', {}), { code: status[code] });
    assert.equal(calls(), 1, status[code]);
  }
  const { methods, calls } = failing([]);
  await using server = await startFakeServer(methods);
  using connection = connect({ address: server.address });
  await assert.rejects(createQueue(connection, { name: 'demo' }), { code: 'UNAVAILABLE', passes: true });
  assert.equal(calls(), 1);
});

test('repeating ends when its time is up, at once when a hint lies beyond it, and by aborting', async () => {
  const busy = Array.from({ length: 100 }, () => refusal(status.UNAVAILABLE, 'stopping'));
  const { methods, calls } = failing(busy);
  await using server = await startFakeServer(methods);
  using connection = connect({ address: server.address, retryForMs: 250 });
  await assert.rejects(getQueue(connection, 'demo'), { code: 'UNAVAILABLE' });
  const before = calls();
  assert.ok(before === 2 || before === 3, `${before} calls`);
  await assert.rejects(getQueue(connection, 'demo', { retryForMs: 0 }), { code: 'UNAVAILABLE' });
  assert.equal(calls(), before + 1);
  const abort = new AbortController();
  const waiting = getQueue(connection, 'demo', { retryForMs: 60_000, signal: abort.signal });
  setTimeout(() => abort.abort(), 30);
  await assert.rejects(waiting, { code: 'CANCELLED' });

  const long = failing([refusal(status.RESOURCE_EXHAUSTED, 'busy', retryAfter(3600))]);
  await using other = await startFakeServer(long.methods);
  using elsewhere = connect({ address: other.address });
  await assert.rejects(getQueue(elsewhere, 'demo'), { code: 'RESOURCE_EXHAUSTED', retryAfterMs: 3_600_000 });
  assert.equal(long.calls(), 1);
});

test('delayBefore() grows to its bound, and is never sooner than the server asks for', () => {
  const backoff = { firstDelayMs: 100, maxDelayMs: 1_000 };
  const within = (delayMs: number, from: number, to: number) =>
    assert.ok(delayMs >= from && delayMs <= to, `${delayMs}`);
  for (let tries = 0; tries < 50; tries += 1) {
    within(delayBefore(1, undefined, backoff), 80, 120);
    within(delayBefore(3, undefined, backoff), 320, 480);
    within(delayBefore(60, undefined, backoff), 800, 1_200);
    within(delayBefore(1, 2_000, backoff), 2_000, 2_400);
  }
});

test('pause() leaves no timer behind when it is aborted', async () => {
  const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  const abort = new AbortController();
  const pausing = pause(60_000, abort.signal);
  assert.equal(timers(), before + 1);
  abort.abort();
  await assert.rejects(pausing, { code: 'CANCELLED' });
  assert.equal(timers(), before);
});
