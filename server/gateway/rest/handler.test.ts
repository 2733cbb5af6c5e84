import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import type { QueueGetRequest } from '@armada-ts/api/api/queue';
import { BadRequest, ErrorInfo } from '@armada-ts/api/google/rpc/error_details';
import { createBasicScheme } from '../../auth/basic.ts';
import { createChain } from '../../auth/chain.ts';
import { systemClock } from '../../base/clock.ts';
import { ArmadaError, invalidField } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import { createAdmission } from '../../door/admission.ts';
import { calmAdmission, openDoor } from '../../door/testing/doors.ts';
import { unary } from '../../door/method.ts';
import { ask, openRest } from './testing/served.ts';

/** Answers with what it was asked. */
const getQueue = unary('authenticated', ({ name }: QueueGetRequest) => ({ name, priorityFactor: 1.5 }));

/** Fails with whatever it is made with. */
function failing(error: unknown) {
  return {
    deleteQueue: unary('authenticated', () => {
      throw error;
    }),
  };
}

test('a route hands its method the message and answers in JSON', async () => {
  const requests: unknown[] = [];
  const createQueue = unary('authenticated', (request) => {
    requests.push(request);
    return {};
  });
  await using port = await openRest({ createQueue, getQueue });
  const body = JSON.stringify({ name: 'q', priorityfactor: 2, unheardOf: [1], userOwners: null });
  const created = await ask(port, 'POST /v1/queue', { body });
  assert.equal(created.status, 200);
  assert.equal(created.text, '{}');
  assert.equal(created.headers.get('content-type'), 'application/json');
  assert.deepEqual((requests[0] as { name: string }).name, 'q');
  assert.deepEqual((requests[0] as { priorityFactor: number }).priorityFactor, 2);
  const read = await ask(port, 'GET /v1/queue/a%2Fb');
  assert.deepEqual(read.json, { name: 'a/b', priorityFactor: 1.5 });
});

test('nothing and null are a request with nothing set, and the path wins over the body', async () => {
  const names: string[] = [];
  const updateQueue = unary('authenticated', ({ name }: { name: string }) => {
    names.push(name);
    return {};
  });
  await using port = await openRest({ updateQueue });
  for (const body of ['', ' null ', '{}', '{"name":"other"}', '{"NAME":"other","name":null}']) {
    const answer = await ask(port, 'PUT /v1/queue/q', body === '' ? {} : { body });
    assert.equal(answer.status, 200, answer.text);
  }
  assert.deepEqual(names, ['q', 'q', 'q', 'q', 'q']);
});

test('a request may name the whole address, as proxies do', async () => {
  await using port = await openRest({ getQueue });
  const socket = connect(port.port, '127.0.0.1');
  socket.write(
    'GET http://localhost/v1/queue/q?a=b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  );
  const answer = Buffer.concat(await socket.toArray()).toString();
  assert.match(answer, /^HTTP\/1\.1 200 [^]*"name":"q"/);
});

test('what no route takes is told in plain text', async () => {
  await using port = await openRest({ getQueue });
  assert.equal((await ask(port, 'GET /v1/nothing')).status, 404);
  assert.equal((await ask(port, 'GET /v1/job/submit')).status, 404, 'its method is not served');
  const other = await ask(port, 'PUT /v1/queue/q', { body: '{}' });
  assert.deepEqual([other.status, other.text], [405, 'Method Not Allowed\n']);
  assert.equal(other.headers.get('allow'), 'GET');
  assert.equal(other.headers.get('content-type'), 'text/plain; charset=utf-8');
  const malformed = await ask(port, 'GET /v1/queue/%zz');
  assert.deepEqual([malformed.status, malformed.text], [400, 'Bad Request\n']);
});

test('requests that cannot be read are refused and say where', async () => {
  await using port = await openRest({ createQueue: unary('authenticated', () => ({})) });
  const bodies = [
    '{',
    '[]',
    '7',
    '"x"',
    '{"name":1}',
    '{"priorityFactor":"x"}',
    '{"name":"a","name":"b"}',
    '\xff',
  ];
  for (const body of bodies) {
    const { status, json } = await ask(port, 'POST /v1/queue', { body: Buffer.from(body, 'latin1') });
    assert.equal(status, 400, body);
    const { error, message, code } = json as { error: string; message: string; code: number };
    assert.deepEqual([code, message], [3, error], body);
  }
  const { json } = await ask(port, 'POST /v1/queue', { body: '{"permissions":[{},{"verbs":[1]}]}' });
  const { error, details } = json as { error: string; details: { type_url: string; value: string }[] };
  assert.equal(error, 'permissions[1].verbs[0]: expected text (in quotes), got 1');
  const faults = details.find(({ type_url }) => type_url === 'type.googleapis.com/google.rpc.BadRequest');
  const { fieldViolations } = BadRequest.decode(Buffer.from(faults?.value ?? '', 'base64'));
  assert.equal(fieldViolations[0]?.field, 'permissions[1].verbs[0]');
});

test('a refusal says its reason and what is wrong where, for whoever reads it', async () => {
  await using unreadable = await openRest({ createQueue: unary('authenticated', () => ({})) });
  const { json } = await ask(unreadable, 'POST /v1/queue', { body: '{"permissions":[{},{"verbs":[1]}]}' });
  const { reason, faults } = json as { reason: string; faults: unknown };
  assert.equal(reason, 'INVALID_REQUEST');
  assert.deepEqual(faults, [
    { field: 'permissions[1].verbs[0]', message: 'expected text (in quotes), got 1' },
  ]);
  await using absent = await openRest(failing(new ArmadaError('QUEUE_NOT_FOUND', 'there is none')));
  const { details, ...readable } = (await ask(absent, 'DELETE /v1/queue/q')).json as Record<string, unknown>;
  const message = 'there is none';
  assert.deepEqual(readable, { error: message, code: 5, message, reason: 'QUEUE_NOT_FOUND' });
  assert.ok(Array.isArray(details));
});

test('of many and long faults a refusal says as many as by gRPC', async () => {
  const faults = Array.from({ length: 30 }, (_, at) => ({ field: `f[${at}]`, message: 'x'.repeat(2000) }));
  await using port = await openRest(failing(new ArmadaError('INVALID_REQUEST', 'x', { faults })));
  const { json } = await ask(port, 'DELETE /v1/queue/q');
  const told = (json as { faults: { field: string; message: string }[] }).faults;
  assert.equal(told.length, 20);
  assert.equal(told[19]?.field, 'f[19]');
  assert.ok(told.every(({ message }) => message.length < 600));
});

test('refusals have the status of their code, and their details', async () => {
  const expected = [
    [new ArmadaError('QUEUE_NOT_FOUND', 'there is none'), 404, 5],
    [new ArmadaError('QUEUE_EXISTS', 'x'), 409, 6],
    [new ArmadaError('PERMISSION_DENIED', 'x'), 403, 7],
    [new ArmadaError('QUEUE_NOT_EMPTY', 'x'), 400, 9],
    [new ArmadaError('CONFLICT', 'x'), 409, 10],
    [new ArmadaError('EVENTS_GONE', 'x'), 400, 11],
    [new ArmadaError('UNAVAILABLE', 'x', { retryAfterMs: 1200 }), 503, 14],
    [new ArmadaError('OVERLOADED', 'x', { retryAfterMs: 500 }), 429, 8],
    [invalidField('name', 'must not be empty'), 400, 3],
    [new Error('secret'), 500, 13],
  ] as const;
  for (const [error, httpStatus, code] of expected) {
    await using port = await openRest(failing(error));
    const { status, json, text, headers } = await ask(port, 'DELETE /v1/queue/q');
    assert.equal(status, httpStatus);
    assert.equal((json as { code: number }).code, code);
    assert.equal(headers.get('content-type'), 'application/json');
    assert.doesNotMatch(text, /secret/);
    const { details = [] } = json as { details?: { type_url: string; value: string }[] };
    if (error instanceof ArmadaError) {
      const info = ErrorInfo.decode(Buffer.from(details[0]?.value ?? '', 'base64'));
      assert.equal(info.reason, error.code);
      const seconds = error.retryAfterMs && String(Math.ceil(error.retryAfterMs / 1000));
      assert.equal(headers.get('retry-after') ?? undefined, seconds);
    } else {
      for (const name of ['details', 'reason', 'faults']) assert.equal(name in (json as object), false);
    }
  }
});

test('whoever is not known is told how to become so, by a header without a prefix', async () => {
  const chain = createChain([createBasicScheme(() => new Map(), systemClock)]);
  await using port = await openRest({ getQueue }, { door: openDoor({ chain }) });
  const authorization = `Basic ${Buffer.from('a:b').toString('base64')}`;
  const attempts = [
    {},
    { authorization },
    { 'grpc-metadata-authorization': authorization },
    { authorization, 'grpc-metadata-authorization': authorization },
  ];
  const messages = new Set<string>();
  for (const headers of attempts) {
    const answer = await ask(port, 'GET /v1/queue/q', { headers });
    assert.equal(answer.status, 401);
    assert.match(answer.headers.get('www-authenticate') ?? '', /^Basic realm=/);
    messages.add((answer.json as { message: string }).message);
  }
  // None, wrong ones, and two: neither is passed over for the other.
  assert.equal(messages.size, 3, [...messages].join('; '));
});

test('headers reach the method under their name, or as metadata with a prefix', async () => {
  const seen: unknown[] = [];
  const reading = unary('authenticated', (_, { header, principal }) => {
    seen.push([header('armada-lease'), header('host') !== undefined, principal.name]);
    return {};
  });
  await using port = await openRest({ getQueue: reading });
  await ask(port, 'GET /v1/queue/q', { headers: { 'Armada-Lease': 'push' } });
  await ask(port, 'GET /v1/queue/q', { headers: { 'Grpc-Metadata-Armada-Lease': 'pull' } });
  await ask(port, 'GET /v1/queue/q');
  assert.deepEqual(seen, [
    ['push', true, 'anonymous'],
    ['pull', true, 'anonymous'],
    [undefined, true, 'anonymous'],
  ]);
});

test('each answer has the id of its request, the caller’s own if it gives one', async () => {
  await using port = await openRest({ getQueue });
  assert.equal((await ask(port, 'GET /v1/queue/q')).headers.get('x-request-id'), 'id-1');
  const headers = { 'X-Request-Id': 'mine' };
  assert.equal((await ask(port, 'GET /v1/queue/q', { headers })).headers.get('x-request-id'), 'mine');
  const refused = await ask(port, 'GET /v1/queue/q', { headers: { ...headers, 'grpc-timeout': 'soon' } });
  assert.equal(refused.status, 400);
  assert.equal(refused.headers.get('x-request-id'), 'mine');
});

test('a caller who waits only so long is told when that time is over', async () => {
  const signals: AbortSignal[] = [];
  const slow = unary('authenticated', async (_, { signal }) => {
    signals.push(signal);
    await sleep(300);
    return {};
  });
  await using port = await openRest({ getQueue: slow, deleteQueue: unary('authenticated', () => ({})) });
  for (const timeout of ['50m', '50000u', '50000000n']) {
    const begunMs = performance.now();
    const { status, json } = await ask(port, 'GET /v1/queue/q', { headers: { 'Grpc-Timeout': timeout } });
    assert.deepEqual([status, (json as { code: number }).code], [504, 4], timeout);
    assert.ok(performance.now() - begunMs < 250);
    assert.equal(signals.at(-1)?.aborted, true);
  }
  for (const timeout of ['1H', '5S', '99999999H']) {
    const { status } = await ask(port, 'DELETE /v1/queue/q', { headers: { 'Grpc-Timeout': timeout } });
    assert.equal(status, 200, timeout);
  }
  for (const timeout of ['5', 'S', '-1S', '1.5S', '999999999S', '5s']) {
    const { status } = await ask(port, 'DELETE /v1/queue/q', { headers: { 'Grpc-Timeout': timeout } });
    assert.equal(status, 400, timeout);
  }
});

test('an answer that is not small is packed for those who ask for it', async () => {
  const large = unary('authenticated', () => ({ name: 'x'.repeat(5000), priorityFactor: 1 }));
  await using port = await openRest({ getQueue: large });
  const unpack = { br: brotliDecompressSync, gzip: gunzipSync };
  for (const [accept, encoding] of [
    ['gzip, deflate, br', 'br'],
    ['gzip', 'gzip'],
    ['br ; q=0 , gzip ; q=0.5', 'gzip'],
    ['gzip; Q=0, *', 'br'],
  ] as const) {
    const answer = await ask(port, 'GET /v1/queue/q', { headers: { 'accept-encoding': accept } });
    assert.equal(answer.headers.get('content-encoding'), encoding);
    assert.equal(answer.headers.get('vary'), 'Accept-Encoding');
    assert.equal(Number(answer.headers.get('content-length')), answer.body.length);
    assert.equal(unpack[encoding](answer.body).length, 5000 + '{"name":"","priorityFactor":1}'.length);
  }
  for (const accept of ['', 'identity', 'gzip; q=0', 'br; q=0, gzip; q=0, *']) {
    const plain = await ask(port, 'GET /v1/queue/q', { headers: { 'accept-encoding': accept } });
    assert.equal(plain.text.length, 5030, accept);
  }
  assert.equal((await ask(port, 'GET /v1/queue/q')).text.length, 5030);
});

test('calls that there is no room for are refused before they are read, and told when to ask again', async () => {
  let calls = 0;
  const createQueue = unary('authenticated', () => {
    calls++;
    return {};
  });
  let lateMs = 10_000;
  const admission = createAdmission({ lateMs: () => lateMs, clock: systemClock, logger: silentLogger });
  const held = Array.from({ length: 2000 }, (_, n) =>
    admission.enter({ rank: 'write', isStream: false, connection: `${n}` }),
  );
  await using port = await openRest({ createQueue }, { admission });
  for (let times = 0; times < 2; times++) {
    const refused = await ask(port, 'POST /v1/queue', { body: 'never read' });
    assert.deepEqual([refused.status, (refused.json as { code: number }).code], [429, 8]);
    assert.equal(refused.headers.get('retry-after'), '2');
    assert.equal(refused.headers.get('x-request-id'), `id-${times + 1}`);
  }
  lateMs = 0;
  for (const each of held) if ('over' in each) each.over();
  assert.equal((await ask(port, 'POST /v1/queue', { body: '{}' })).status, 200);
  assert.equal(calls, 1);
});

test('a call is under way until it is answered, and no longer', async () => {
  const admission = calmAdmission();
  const under: string[] = [];
  const watched: typeof admission = {
    ...admission,
    enter(arrival) {
      const admitted = admission.enter(arrival);
      if ('retryAfterMs' in admitted) return admitted;
      under.push(arrival.rank);
      return {
        ...admitted,
        over() {
          under.splice(under.indexOf(arrival.rank), 1);
          admitted.over();
        },
      };
    },
  };
  const seen: string[][] = [];
  const looking = unary('authenticated', () => {
    seen.push([...under]);
    return {};
  });
  await using port = await openRest({ getQueue: looking, createQueue: looking }, { admission: watched });
  await ask(port, 'POST /v1/queue', { body: '{}' });
  await ask(port, 'GET /v1/queue/q');
  await ask(port, 'POST /v1/queue', { body: '{' });
  await ask(port, 'POST /v1/queue', { body: '{}', headers: { 'content-type': 'text/plain' } });
  await ask(port, 'POST /v1/queue', { body: '{}', headers: { 'grpc-timeout': 'soon' } });
  for (let waited = 0; under.length > 0 && waited < 100; waited++) await sleep(5);
  assert.deepEqual(seen, [['write'], ['read']]);
  assert.deepEqual(under, []);
});
