import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type IncomingMessage, request } from 'node:http';
import { finished } from 'node:stream/promises';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliDecompressSync, createGunzip, gunzipSync } from 'node:zlib';
import { EventStreamMessage, type JobSetRequest } from '@armada-ts/api/api/event';
import { Queue } from '@armada-ts/api/api/queue';
import { ArmadaError } from '../../base/errors.ts';
import { frame } from '../../base/framing.ts';
import { serverStream } from '../../door/method.ts';
import { openDoor } from '../../door/testing/doors.ts';
import type { TestPort } from '../testing/ports.ts';
import { ask, openRest } from './testing/served.ts';

function event(id: string): Uint8Array {
  const message = { events: { $case: 'running', value: { jobId: `job-${id}` } } } as const;
  return EventStreamMessage.encode(EventStreamMessage.fromPartial({ id, message })).finish();
}

/** A piece of framed events, as streams of events have them. */
const piece = (...ids: string[]): Buffer => frame(ids.map(event)).bytes;

const lineOf = (id: string): string =>
  `{"result":{"id":"${id}","message":{"running":{"jobId":"job-${id}"}}}}`;

/** Sends these, and then what the rest of the function says. */
function streaming(make: (request: JobSetRequest, signal: AbortSignal) => AsyncIterable<unknown>) {
  return {
    getJobSetEvents: serverStream('authenticated', (asked: JobSetRequest, { signal }) => make(asked, signal)),
  };
}

async function untilAborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

/** Opens a stream and gives its response when the header is there. */
async function open(port: TestPort, headers: Record<string, string> = {}): Promise<IncomingMessage> {
  const asked = request(`${port.url}/v1/job-set/q/s`, { method: 'POST', headers });
  asked.on('error', () => {});
  asked.end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  response.on('error', () => {});
  return response;
}

test('each message of a stream is a line, whether it comes alone or framed with others', async () => {
  const getQueues = serverStream('authenticated', async function* () {
    yield { event: { $case: 'queue', value: Queue.fromPartial({ name: 'q', priorityFactor: 1 }) } };
    yield { event: { $case: 'end', value: {} } };
  });
  await using port = await openRest({
    getQueues,
    ...streaming(async function* ({ queue, id }) {
      yield piece('1', '2');
      yield piece(`${queue} ${id}`);
    }),
  });
  const events = await ask(port, 'POST /v1/job-set/q/s%2Ft', { body: '{}' });
  assert.equal(events.text, ['1', '2', 'q s/t'].map((id) => `${lineOf(id)}\n`).join(''));
  assert.equal(events.headers.get('content-type'), 'application/json');
  const queues = await ask(port, 'GET /v1/batched/queues');
  assert.deepEqual(
    queues.text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
    [{ result: { Event: { queue: { name: 'q', priorityFactor: 1 } } } }, { result: { Event: { end: {} } } }],
  );
});

test('a stream is text/event-stream for those who accept it', async () => {
  await using port = await openRest(
    streaming(async function* () {
      yield piece('1', '2');
      throw new ArmadaError('WATCH_BEHIND', 'too slow');
    }),
  );
  const headers = { accept: 'text/event-stream' };
  const answer = await ask(port, 'POST /v1/job-set/q/s', { headers });
  assert.equal(answer.headers.get('content-type'), 'text/event-stream');
  const [first, second, failure, ...rest] = answer.text.split('\n\n');
  assert.deepEqual([first, second, rest], [`data: ${lineOf('1')}`, `data: ${lineOf('2')}`, ['']]);
  assert.match(failure ?? '', /^event: error\ndata: \{"error":\{"grpc_code":14,/);
});

test('a message is there as soon as it was sent, packed or not, over both versions of HTTP', async () => {
  await using port = await openRest(
    streaming(async function* (_, signal) {
      yield piece('1');
      await untilAborted(signal);
    }),
  );
  const plain = await open(port);
  const [chunk] = (await once(plain, 'data')) as [Buffer];
  assert.equal(chunk.toString(), `${lineOf('1')}\n`);
  plain.destroy();

  const packed = await open(port, { 'accept-encoding': 'br, gzip' });
  assert.equal(packed.headers['content-encoding'], 'gzip');
  const [unpacked] = (await once(packed.pipe(createGunzip()), 'data')) as [Buffer];
  assert.equal(unpacked.toString(), `${lineOf('1')}\n`);
  packed.destroy();

  const session = connectHttp2(port.url);
  const stream = session.request({ ':method': 'POST', ':path': '/v1/job-set/q/s' });
  stream.end();
  const [data] = (await once(stream, 'data')) as [Buffer];
  assert.equal(data.toString(), `${lineOf('1')}\n`);
  stream.close();
  await once(stream, 'close');
  session.destroy();
});

test('a stream that has nothing to say yet has begun all the same', async () => {
  await using port = await openRest(
    streaming(async function* (_, signal) {
      await untilAborted(signal);
      yield piece('too late');
    }),
  );
  for (const headers of [{}, { 'accept-encoding': 'gzip' }]) {
    const response = await open(port, headers);
    assert.equal(response.statusCode, 200);
    response.destroy();
  }
});

test('a failure has its own status before the first message, and is the last line after it', async () => {
  await using port = await openRest(
    streaming(async function* ({ id }) {
      if (id === 'sent') yield piece('1');
      throw new ArmadaError('QUEUE_NOT_FOUND', 'there is no such queue');
    }),
  );
  const refused = await ask(port, 'POST /v1/job-set/q/s');
  assert.equal(refused.status, 404);
  assert.equal((refused.json as { message: string }).message, 'there is no such queue');
  const ended = await ask(port, 'POST /v1/job-set/q/sent');
  assert.equal(ended.status, 200);
  const [line, failure = ''] = ended.text.split('\n');
  assert.equal(line, lineOf('1'));
  const { error } = JSON.parse(failure) as { error: Record<string, unknown> };
  const { details, ...rest } = error;
  assert.deepEqual(rest, {
    grpc_code: 5,
    http_code: 404,
    message: 'there is no such queue',
    http_status: 'Not Found',
    reason: 'QUEUE_NOT_FOUND',
  });
  assert.ok(Array.isArray(details) && details.length > 0);
});

test('a client that hangs up ends its stream at once, over both versions of HTTP', async () => {
  const signals: AbortSignal[] = [];
  const ended = new Set<AbortSignal>();
  await using port = await openRest(
    streaming(async function* (_, signal) {
      signals.push(signal);
      yield piece('1');
      await untilAborted(signal);
      ended.add(signal);
    }),
  );
  for (const headers of [{}, { 'accept-encoding': 'gzip' }]) {
    const response = await open(port, headers);
    await once(response, 'readable');
    response.destroy();
  }
  const session = connectHttp2(port.url);
  const stream = session.request({ ':method': 'POST', ':path': '/v1/job-set/q/s' });
  stream.end();
  await once(stream, 'data');
  stream.close();
  await once(stream, 'close');
  for (let waited = 0; ended.size < 3 && waited < 100; waited++) await sleep(10);
  assert.equal(signals.length, 3);
  assert.equal(ended.size, 3);
  session.destroy();
});

test('a stream ends when its caller waits no longer, or the server stops, and says so', async () => {
  const stopping = new AbortController();
  await using port = await openRest(
    streaming(async function* (_, signal) {
      yield piece('1');
      await untilAborted(signal);
    }),
    { door: openDoor({ stopping: stopping.signal }) },
  );
  const lastError = ({ text }: { text: string }): unknown => {
    const { error } = JSON.parse(text.trim().split('\n').at(-1) ?? '') as { error: { grpc_code: number } };
    return error.grpc_code;
  };
  const late = await ask(port, 'POST /v1/job-set/q/s', { headers: { 'grpc-timeout': '50m' } });
  assert.equal(lastError(late), 4);
  const watch = ask(port, 'POST /v1/job-set/q/s');
  await sleep(50);
  stopping.abort();
  assert.equal(lastError(await watch), 14);
});

test('clients that take nothing hold a few messages up and no more, and are cut off', async () => {
  let yielded = 0;
  let ended = 0;
  // What could be packed small would fit into the buffers of the connection.
  const large = frame([event(randomBytes(200_000).toString('base64'))]).bytes;
  const endless = async function* () {
    try {
      for (;;) {
        yielded++;
        yield Buffer.from(large);
      }
    } finally {
      ended++;
    }
  };
  await using port = await openRest(
    { getJobSetEvents: serverStream('authenticated', endless, 1) },
    { door: openDoor({ slowClientMs: 100 }) },
  );
  const responses = [await open(port), await open(port, { 'accept-encoding': 'gzip' })];
  for (const response of responses) response.pause();
  for (let waited = 0; ended < responses.length && waited < 100; waited++) await sleep(50);
  assert.equal(ended, responses.length);
  assert.ok(yielded < 400, `${yielded} pieces were made for nobody`);
  // A few times as long as what they have not taken may wait.
  await sleep(1500);
  for (const response of responses) {
    // What is on its way arrives, and then the connection has gone.
    response.resume();
    await assert.rejects(finished(response), { code: 'ECONNRESET' });
  }
});

test('answers are packed for those who ask for it, when they are not small', async () => {
  const getQueues = serverStream('authenticated', async function* () {
    yield { event: { $case: 'end', value: {} } };
  });
  await using port = await openRest({
    getQueues,
    ...streaming(async function* () {
      yield piece('1');
    }),
  });
  const events = async (accept: string) =>
    await ask(port, 'POST /v1/job-set/q/s', { headers: { 'accept-encoding': accept } });
  const expected = `${lineOf('1')}\n`;
  const br = await events('br');
  assert.equal(br.headers.get('content-encoding'), 'br');
  assert.equal(brotliDecompressSync(br.body).toString(), expected);
  for (const accept of ['gzip', 'deflate, gzip;q=0.5', '*', 'br;q=0, gzip']) {
    const gzip = await events(accept);
    assert.equal(gzip.headers.get('content-encoding'), 'gzip', accept);
    assert.equal(gzip.headers.get('vary'), 'Accept-Encoding');
    assert.equal(gunzipSync(gzip.body).toString(), expected);
  }
  for (const accept of ['identity', 'gzip;q=0', 'deflate', '']) {
    const plain = await events(accept);
    assert.equal(plain.headers.get('content-encoding'), null, accept);
    assert.equal(plain.text, expected);
  }
});
