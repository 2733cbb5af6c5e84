import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { Status } from '@armada-ts/api/google/rpc/status';
import { unary } from '../door/method.ts';
import { calmAdmission, openDoor } from '../door/testing/doors.ts';
import { serving } from './testing/serving.ts';
import { createGrpcServer } from './server.ts';
import { rawMethod } from './testing/raw-method.ts';

test('a port that is taken is named', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  assert(address && typeof address === 'object');
  const server = createGrpcServer([], {
    maxRequestBytes: 1024,
    admission: calmAdmission(),
    door: openDoor(),
  });
  await assert.rejects(server.listen('127.0.0.1', address.port), {
    message: new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${address.port}: `),
  });
  await server.close();
  taken.close();
});

test('a server without calls closes at once, and takes no more', async () => {
  const served = await serving({ ask: () => 'yes' });
  assert.equal(await served.ask('go'), 'yes');
  const before = performance.now();
  await served[Symbol.asyncDispose]();
  assert(performance.now() - before < 1000);
});

const ASK = rawMethod('/a.B/Ask');
const HEADERS = { ':method': 'POST', ':path': ASK.path, 'content-type': 'application/grpc' };

test('a request that is begun and not finished is ended', async () => {
  const service = {
    definition: { ask: ASK },
    methods: { ask: unary('authenticated', () => assert.fail('there is no request')) },
  };
  const deps = { maxRequestBytes: 1024, requestTimeoutMs: 50, admission: calmAdmission(), door: openDoor() };
  const server = createGrpcServer([service], deps);
  const session = connect(`http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  const call = session.request(HEADERS);
  // A message of 100 bytes is announced and only one comes.
  call.write(Buffer.from([0, 0, 0, 0, 100, 1]));
  const [headers] = (await once(call, 'response')) as [Record<string, string>];
  assert.equal(Number(headers['grpc-status']), 14);
  assert.match(headers['grpc-message'] ?? '', /not%20there%20whole/);
  const { details } = Status.decode(Buffer.from(headers['grpc-status-details-bin'] ?? '', 'base64'));
  assert.ok(
    details.some(({ typeUrl }) => typeUrl.endsWith('RetryInfo')),
    'it is said when to send it again',
  );
  session.destroy();
  await server.close();
});

test('answers that are not taken keep no room from other calls', async (t) => {
  const ask = unary('authenticated', () => Buffer.alloc(100_000));
  const service = { definition: { ask: ASK }, methods: { ask } };
  const deps = { maxRequestBytes: 64 * 1024, admission: calmAdmission(), door: openDoor() };
  const server = createGrpcServer([service], deps);
  const session = connect(`http://127.0.0.1:${await server.listen('127.0.0.1', 0)}`);
  t.after(async () => {
    session.destroy();
    await server.close();
  });
  const request = Buffer.alloc(5 + 60_000);
  request.writeUInt32BE(60_000, 1);
  // All of these together are more than may be under way at once.
  for (let i = 0; i < 300; i++) {
    const call = session.request(HEADERS);
    call.end(request);
    const [headers] = (await once(call, 'response')) as [Record<string, string>];
    assert.equal(headers['grpc-status'], undefined, `call ${i} is not refused`);
  }
});
