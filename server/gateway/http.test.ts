import { Queue, type QueueGetRequest, QueueServiceService } from '@armada-ts/api/api/queue';
import { SubmitService } from '@armada-ts/api/api/submit';
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { type Logger, silentLogger } from '../base/logger.ts';
import { unary } from '../door/method.ts';
import { noObserver } from '../door/observer.ts';
import { openDoor } from '../door/testing/doors.ts';
import { openPort } from './testing/ports.ts';

test('what is no call and no page is not found', async () => {
  await using port = await openPort();
  const answer = await fetch(`${port.url}/nothing`);
  assert.equal(answer.status, 404);
});

test('a page that fails tells its reader nothing and the log what it was', async () => {
  const logged: object[] = [];
  const logger: Logger = { ...silentLogger, error: (fields) => void logged.push(fields) };
  const failure = new Error('ENOENT: /secret/place');
  await using port = await openPort({
    door: openDoor({ logger }),
    pages: [
      (server) => {
        server.get('/page', () => {
          throw failure;
        });
        server.post('/form', () => 'taken');
      },
    ],
  });
  const answer = await fetch(`${port.url}/page?token=secret`);
  assert.deepEqual([answer.status, await answer.text()], [500, 'Internal Server Error\n']);
  const requestId = answer.headers.get('x-request-id');
  assert.match(requestId ?? '', /^id-/);
  assert.deepEqual(logged, [{ err: failure, path: '/page', requestId }]);
  const large = await fetch(`${port.url}/form`, { method: 'POST', body: 'x'.repeat(65 * 1024) });
  assert.deepEqual([large.status, await large.text()], [413, 'Payload Too Large\n']);
  assert.equal(logged.length, 1, 'what its client has done wrong is no fault of ours');
});

test('a request may name the whole address, as proxies do, whatever it asks for', async () => {
  const { getQueue } = QueueServiceService;
  const methods = {
    getQueue: unary('authenticated', ({ name }: QueueGetRequest) => Queue.fromPartial({ name })),
  };
  await using port = await openPort({
    services: [{ definition: { getQueue }, methods }],
    pages: [(server) => server.get('/', () => 'a page')],
  });
  const answers = async (line: string, body = ''): Promise<string> => {
    const socket = connect(port.port, '127.0.0.1');
    const headers = ['Host: localhost', 'Connection: close', 'Content-Type: application/json'];
    socket.write([`${line} HTTP/1.1`, ...headers, `Content-Length: ${body.length}`, '', body].join('\r\n'));
    return Buffer.concat(await socket.toArray()).toString();
  };
  const call = await answers('POST http://localhost/api.QueueService/GetQueue', '{"name":"q"}');
  assert.match(call, /^HTTP\/1\.1 200 [^]*"name":"q"/);
  for (const line of ['GET http://localhost', 'GET http://localhost/', 'GET http://localhost?a=b']) {
    assert.match(await answers(line), /^HTTP\/1\.1 200 [^]*a page/, line);
  }
});

/** A message in a message that says it is longer than it is. */
const DAMAGED = Buffer.from([(7 << 3) | 2, 2, (1 << 3) | 2, 127]);

test('requests that become no call are counted by why, and carry an id as calls do', async () => {
  const counted: string[] = [];
  const observer = { ...noObserver, refused: (why: string) => void counted.push(why) };
  const { createQueue } = SubmitService;
  const services = [
    { definition: { createQueue }, methods: { createQueue: unary('authenticated', () => ({})) } },
  ];
  await using port = await openPort({ door: openDoor({ observer }), services });
  const json = { 'content-type': 'application/json' };
  const proto = { 'content-type': 'application/proto' };
  const call = '/api.Submit/CreateQueue';
  const requests: [string, number, string, RequestInit?][] = [
    ['path', 404, '/nothing'],
    ['path', 400, '/v1/queue/%'],
    ['verb', 405, '/v1/queue', { method: 'PATCH' }],
    ['origin', 403, '/nothing', { headers: { origin: 'http://evil.example.com' } }],
    ['body', 400, '/v1/queue', { method: 'POST', headers: json, body: '{' }],
    ['body', 415, '/v1/queue', { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{}' }],
    ['body', 500, call, { method: 'POST', headers: proto, body: DAMAGED }],
    ['body', 400, call, { method: 'POST', headers: json, body: '{"name":' }],
    ['body', 400, call, { method: 'POST', headers: json, body: '{"priorityFactor":"x"}' }],
  ];
  for (const [why, status, path, init = {}] of requests) {
    counted.length = 0;
    const headers = { 'x-request-id': 'mine', ...(init.headers as Record<string, string>) };
    const answer = await fetch(port.url + path, { ...init, headers });
    assert.deepEqual(
      [answer.status, answer.headers.get('x-request-id'), counted],
      [status, 'mine', [why]],
      path,
    );
  }
});
