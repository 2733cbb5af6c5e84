import assert from 'node:assert/strict';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { Metadata, status } from '@grpc/grpc-js';
import { Queue, QueueServiceService } from '@armada-ts/api/api/queue';
import { JobSubmitResponse } from '@armada-ts/api/api/submit';
import { BadRequest, ErrorInfo, RetryInfo } from '@armada-ts/api/google/rpc/error_details';
import { connect, type Connection } from './connect.ts';
import { ArmadaClientError } from './errors.ts';
import { getQueue, getQueues } from './queues.ts';
import { detail, refusal, startFakeServer } from './testing/fake-server.ts';

test('call() sends credentials and gives the answer', async () => {
  const seen: unknown[] = [];
  await using server = await startFakeServer({
    queues: {
      getQueue: (call, callback) => {
        seen.push(call.metadata.get('authorization')[0]);
        callback(null, { ...Queue.create(), name: call.request.name, priorityFactor: 2 });
      },
    },
  });
  const basicAuth = { username: 'anna', password: 'p:w' };
  using connection = connect({ address: server.address, basicAuth });
  const queue = await getQueue(connection, 'demo');
  assert.equal(queue.priorityFactor, 2);
  assert.deepEqual(seen, [`basic ${Buffer.from('anna:p:w').toString('base64')}`]);
});

test('a server that does not go with this library says so, and it is told once', async () => {
  const versions = new Set<unknown>();
  const headers = (metadata: Metadata): Metadata => {
    versions.add(metadata.get('armada-client-version')[0]);
    const answer = new Metadata();
    answer.set('armada-version-notice', 'update the client');
    return answer;
  };
  await using server = await startFakeServer({
    queues: {
      getQueue: (call, callback) => {
        call.sendMetadata(headers(call.metadata));
        if (call.request.name === 'none') callback(refusal(status.NOT_FOUND, 'no such queue'));
        else callback(null, Queue.create());
      },
      getQueues: (call) => {
        call.sendMetadata(headers(call.metadata));
        call.end();
      },
    },
  });
  const drain = async (connection: Connection): Promise<void> => {
    for await (const _ of getQueues(connection));
  };
  const toldTo = async (ask: (connection: Connection) => Promise<unknown>): Promise<string[]> => {
    const told: string[] = [];
    const onVersionNotice = (notice: string): void => void told.push(notice);
    using connection = connect({ address: server.address, onVersionNotice });
    await Promise.all([ask(connection), ask(connection)]);
    await ask(connection);
    return told;
  };
  assert.deepEqual(await toldTo((connection) => getQueue(connection, 'demo')), ['update the client']);
  assert.deepEqual(await toldTo(drain), ['update the client']);
  const refused = await toldTo((connection) => assert.rejects(getQueue(connection, 'none')));
  assert.deepEqual(refused, ['update the client']);
  using careless = connect({ address: server.address });
  await getQueue(careless, 'demo');
  assert.equal(versions.size, 1);
  assert.match(String([...versions][0]), /^\d+\.\d+\.\d+$/);
});

test('call() compresses what it sends to other machines, or as it is told', async () => {
  const server = createServer();
  const seen: unknown[] = [];
  server.on('stream', (stream, sent) => {
    stream.once('data', (bytes: Buffer) => {
      seen.push([sent['grpc-encoding'], bytes[0]]);
      const headers = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '5' };
      stream.respond(headers, { endStream: true });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  for (const options of [{}, { gzip: true }]) {
    using connection = connect({ address: `127.0.0.1:${port}`, ...options });
    await assert.rejects(getQueue(connection, 'demo'.repeat(100)), { code: 'NOT_FOUND' });
  }
  assert.deepEqual(seen, [
    [undefined, 0],
    ['gzip', 1],
  ]);
  server.close();
});

test('call() fails as unreachable, with the reason, when nobody listens', async () => {
  const server = await startFakeServer({ queues: { getQueue: () => {} } });
  await server.stop();
  using connection = connect({ address: server.address, connectTimeoutMs: 100 });
  await assert.rejects(getQueue(connection, 'demo'), (error: unknown) => {
    assert.ok(error instanceof ArmadaClientError);
    assert.equal(error.code, 'UNAVAILABLE');
    assert.equal(error.unreachable, true);
    assert.match(error.message, new RegExp(`^cannot reach ${server.address}: connect ECONNREFUSED`));
    return true;
  });
});

test('call() waits for a server that is just starting', async () => {
  const gone = await startFakeServer({ queues: { getQueue: () => {} } });
  await gone.stop();
  using connection = connect({ address: gone.address, connectTimeoutMs: 5_000 });
  const answer = getQueue(connection, 'demo');
  await using server = await startFakeServer(
    {
      queues: {
        getQueue: (call, callback) => callback(null, { ...Queue.create(), name: call.request.name }),
      },
    },
    gone.port,
  );
  assert.equal((await answer).name, 'demo');
  assert.equal(server.port, gone.port);
});

test('call() reports a deadline of a reached server as such', async () => {
  await using server = await startFakeServer({ queues: { getQueue: () => {} } });
  using connection = connect({ address: server.address, callTimeoutMs: 50 });
  await assert.rejects(getQueue(connection, 'demo'), { code: 'DEADLINE_EXCEEDED', unreachable: false });
});

test('call() ends with CANCELLED when its signal aborts, before or during the call', async () => {
  await using server = await startFakeServer({ queues: { getQueue: () => {} } });
  using connection = connect({ address: server.address });
  const during = new AbortController();
  const call = getQueue(connection, 'demo', { signal: during.signal });
  setTimeout(() => during.abort(), 30);
  await assert.rejects(call, { code: 'CANCELLED' });
  await assert.rejects(getQueue(connection, 'demo', { signal: AbortSignal.abort() }), { code: 'CANCELLED' });
});

test('call() reads the reason, faults, refused jobs and the retry delay from the status details', async () => {
  await using server = await startFakeServer({
    queues: {
      getQueue: (_, callback) =>
        callback(
          refusal(status.INVALID_ARGUMENT, 'two things are wrong', [
            detail('google.rpc.BadRequest', BadRequest, {
              fieldViolations: [{ field: 'name', description: 'is missing' }],
            }),
            detail('api.JobSubmitResponse', JobSubmitResponse, {
              jobResponseItems: [
                { jobId: '', error: '' },
                { jobId: '', error: 'too large' },
                { jobId: '', error: 'item 7: podSpec is missing' },
              ],
            }),
            detail('google.rpc.RetryInfo', RetryInfo, { retryDelay: { seconds: 1n, nanos: 500_000_000 } }),
            detail('google.rpc.ErrorInfo', ErrorInfo, {
              reason: 'INVALID_REQUEST',
              domain: 'armada',
              metadata: new Map(),
            }),
            { typeUrl: 'type.googleapis.com/some.Other', value: Buffer.from([1]) },
          ]),
        ),
    },
  });
  using connection = connect({ address: server.address });
  await assert.rejects(getQueue(connection, ''), {
    code: 'INVALID_ARGUMENT',
    message: 'two things are wrong',
    reason: 'INVALID_REQUEST',
    faults: [{ field: 'name', message: 'is missing' }],
    jobErrors: [
      { index: 1, message: 'too large' },
      { index: 7, message: 'podSpec is missing' },
    ],
    retryAfterMs: 1500,
    unreachable: false,
  });
});

test('call() keeps the error when its details do not decode', async () => {
  await using server = await startFakeServer({
    queues: {
      getQueue: (_, callback) => {
        const error = refusal(status.NOT_FOUND, 'no such queue');
        error.metadata?.set('grpc-status-details-bin', Buffer.from([0xff, 0xff, 0xff]));
        callback(error);
      },
    },
  });
  using connection = connect({ address: server.address });
  await assert.rejects(getQueue(connection, 'demo'), {
    code: 'NOT_FOUND',
    message: 'no such queue',
    faults: [],
  });
});

test('stream() is cancelled at the server when the reader leaves the loop', async () => {
  let cancelled = () => {};
  const ended = new Promise<void>((resolve) => (cancelled = resolve));
  await using server = await startFakeServer({
    queues: {
      getQueues: (call) => {
        call.on('cancelled', () => cancelled());
        call.write({ event: { $case: 'queue', value: { ...Queue.create(), name: 'first' } } });
      },
    },
  });
  using connection = connect({ address: server.address });
  for await (const message of connection.stream(QueueServiceService.getQueues, { num: 0 })) {
    assert.equal(message.event?.$case, 'queue');
    break;
  }
  await ended;
});

test('getQueues() stops at the end marker', async () => {
  await using server = await startFakeServer({
    queues: {
      getQueues: (call) => {
        for (const name of ['a', 'b']) {
          call.write({ event: { $case: 'queue', value: { ...Queue.create(), name } } });
        }
        call.write({ event: { $case: 'end', value: {} } });
      },
    },
  });
  using connection = connect({ address: server.address });
  const names: string[] = [];
  for await (const { name } of getQueues(connection)) names.push(name);
  assert.deepEqual(names, ['a', 'b']);
});

test('call() asks for credentials with every call, and says why there are none', async () => {
  const seen: unknown[] = [];
  await using server = await startFakeServer({
    queues: {
      getQueue: (call, callback) => {
        seen.push(call.metadata.get('authorization'));
        callback(null, Queue.create({ name: call.request.name }));
      },
    },
  });
  let asked = 0;
  const authorization = async (address: string): Promise<string> => {
    assert.equal(address, server.address);
    if (++asked > 2) throw new Error('logged out');
    return `Token ${asked}`;
  };
  using connection = connect({ address: server.address, authorization });
  await getQueue(connection, 'demo');
  await getQueue(connection, 'demo');
  assert.deepEqual(seen, [['Token 1'], ['Token 2']]);
  await assert.rejects(getQueue(connection, 'demo'), {
    code: 'UNAUTHENTICATED',
    message: `no credentials for ${server.address}: logged out`,
  });
});
