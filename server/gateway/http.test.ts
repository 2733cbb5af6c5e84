import { Queue, type QueueGetRequest, QueueServiceService } from '@armada-ts/api/api/queue';
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { type Logger, silentLogger } from '../base/logger.ts';
import { unary } from '../door/method.ts';
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
  assert.deepEqual(logged, [{ err: failure, path: '/page' }]);
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
