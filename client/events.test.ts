import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import type { EventServer, EventStreamMessage, JobSetRequest } from '@armada-ts/api/api/event';
import { connect } from './connect.ts';
import { watchJobSet, type JobSetEvent } from './events.ts';
import type { Interruption } from './resume.ts';
import { refusal, startFakeServer } from './testing/fake-server.ts';

const base = { jobId: 'job-1', jobSetId: 'set', queue: 'demo', created: undefined };

function queued(id: string): EventStreamMessage {
  return { id, message: { events: { $case: 'queued', value: base } } };
}

/** Serves one script per stream, in order; the last serves all later ones. */
function scripted(
  requests: JobSetRequest[],
  ...scripts: ((call: Parameters<EventServer['getJobSetEvents']>[0]) => void)[]
): EventServer['getJobSetEvents'] {
  return (call) => {
    const script = scripts[Math.min(requests.length, scripts.length - 1)];
    requests.push(call.request);
    script?.(call);
  };
}

const quick = { firstDelayMs: 1, maxDelayMs: 5 };
const watched = { queue: 'demo', jobSetId: 'set' };

test('watchJobSet() resumes after the last message, each event once', async () => {
  const requests: JobSetRequest[] = [];
  const interruptions: Interruption[] = [];
  await using server = await startFakeServer({
    events: {
      getJobSetEvents: scripted(
        requests,
        (call) => {
          call.write(queued('1'));
          call.write(queued('2'));
          call.emit('error', refusal(status.UNAVAILABLE, 'the server is stopping'));
        },
        (call) => call.end(),
        (call) => call.write(queued('3')),
      ),
    },
  });
  using connection = connect({ address: server.address });
  const ids: string[] = [];
  const onInterrupted = (interruption: Interruption) => interruptions.push(interruption);
  for await (const event of watchJobSet(connection, {
    ...watched,
    ...quick,
    errorIfMissing: true,
    onInterrupted,
  })) {
    ids.push(event.messageId);
    if (event.messageId === '3') break;
  }
  assert.deepEqual(ids, ['1', '2', '3']);
  assert.deepEqual(
    requests.map(({ fromMessageId, errorIfMissing, watch }) => ({ fromMessageId, errorIfMissing, watch })),
    [
      { fromMessageId: '', errorIfMissing: true, watch: true },
      { fromMessageId: '2', errorIfMissing: false, watch: true },
      { fromMessageId: '2', errorIfMissing: false, watch: true },
    ],
  );
  assert.deepEqual(
    interruptions.map(({ error, attempt }) => [error?.code, attempt]),
    [
      ['UNAVAILABLE', 1],
      [undefined, 2],
    ],
  );
});

test('watchJobSet() survives the death of the server', async () => {
  const requests: JobSetRequest[] = [];
  const getJobSetEvents = scripted(
    requests,
    (call) => call.write(queued('1')),
    (call) => call.write(queued('2')),
  );
  const first = await startFakeServer({ events: { getJobSetEvents } });
  using connection = connect({ address: first.address, connectTimeoutMs: 50 });
  const events = watchJobSet(connection, { ...watched, ...quick });
  assert.equal((await next(events)).messageId, '1');
  await first.stop();
  const after = next(events);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await using second = await startFakeServer({ events: { getJobSetEvents } }, first.port);
  assert.equal((await after).messageId, '2');
  assert.equal(requests[1]?.fromMessageId, '1');
  assert.equal(second.port, first.port);
  await events.return();
});

async function next(events: AsyncGenerator<JobSetEvent, void>): Promise<JobSetEvent> {
  const { value, done } = await events.next();
  assert.ok(!done);
  return value as JobSetEvent;
}

test('watchJobSet() ends with a final refusal, saying where it stood', async () => {
  const requests: JobSetRequest[] = [];
  await using server = await startFakeServer({
    events: {
      getJobSetEvents: scripted(
        requests,
        (call) => {
          call.write(queued('7'));
          call.emit('error', refusal(status.UNAVAILABLE, 'restarting'));
        },
        (call) => call.emit('error', refusal(status.PERMISSION_DENIED, 'not yours any more')),
      ),
    },
  });
  using connection = connect({ address: server.address });
  const read = async () => {
    for await (const event of watchJobSet(connection, { ...watched, ...quick }))
      assert.equal(event.messageId, '7');
  };
  await assert.rejects(read, {
    code: 'PERMISSION_DENIED',
    message: 'the watch of job set "set" broke after message 7: not yours any more',
  });
});

test('watchJobSet() gives up when breaks follow each other too long', async () => {
  await using server = await startFakeServer({
    events: { getJobSetEvents: (call) => void call.emit('error', refusal(status.UNAVAILABLE, 'overloaded')) },
  });
  using connection = connect({ address: server.address });
  const read = async () => {
    for await (const event of watchJobSet(connection, { ...watched, ...quick, giveUpAfterMs: 30 })) {
      assert.fail(event.messageId);
    }
  };
  await assert.rejects(read, { code: 'UNAVAILABLE', message: 'overloaded' });
});

test('watchJobSet() without follow ends at the present, and skips kinds it does not know', async () => {
  const requests: JobSetRequest[] = [];
  await using server = await startFakeServer({
    events: {
      getJobSetEvents: scripted(requests, (call) => {
        call.write({ id: '1', message: { events: undefined } });
        call.write(queued('2'));
        call.end();
      }),
    },
  });
  using connection = connect({ address: server.address });
  const ids: string[] = [];
  for await (const event of watchJobSet(connection, { ...watched, follow: false, fromMessageId: '0' })) {
    ids.push(event.messageId);
  }
  assert.deepEqual(ids, ['2']);
  assert.equal(requests.length, 1);
  assert.equal(requests[0]?.watch, false);
  assert.equal(requests[0]?.fromMessageId, '0');
});

test('watchJobSet() ends with CANCELLED when its signal aborts, while reading and while waiting', async () => {
  await using server = await startFakeServer({
    events: {
      getJobSetEvents: scripted(
        [],
        (call) => call.write(queued('1')),
        (call) => call.end(),
      ),
    },
  });
  using connection = connect({ address: server.address });
  const reading = new AbortController();
  const read = async (options: { signal: AbortSignal; firstDelayMs?: number }) => {
    for await (const event of watchJobSet(connection, { ...watched, ...options })) {
      assert.equal(event.messageId, '1');
      reading.abort();
    }
  };
  await assert.rejects(read({ signal: reading.signal }), { code: 'CANCELLED' });
  const waiting = AbortSignal.timeout(50);
  await assert.rejects(read({ signal: waiting, firstDelayMs: 60_000 }), { code: 'CANCELLED' });
});
