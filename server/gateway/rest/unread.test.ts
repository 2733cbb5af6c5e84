import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { unary } from '../../door/method.ts';
import type { TestPort } from '../testing/ports.ts';
import { openRest } from './testing/served.ts';

const MAX_BYTES = 64 * 1024;
const nothing = unary('authenticated', () => ({}));
const methods = { createQueue: nothing, getQueue: nothing };

function open(): Promise<TestPort> {
  return openRest(methods, { maxRequestBytes: MAX_BYTES });
}

function post(path: string, ...headers: string[]): string {
  return [
    `POST ${path} HTTP/1.1`,
    'Host: localhost',
    'Content-Type: application/json',
    ...headers,
    '',
    '',
  ].join('\r\n');
}

async function until(socket: Socket, pattern: RegExp): Promise<string> {
  let text = '';
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    if (pattern.test(text)) return text;
  }
  return text;
}

for (const { path, httpStatus } of [
  { path: '/v1/queue', httpStatus: 413 },
  { path: '/v1/queue/q', httpStatus: 405 },
]) {
  test(`whoever sends all before it listens is told ${httpStatus} all the same`, async () => {
    await using port = await open();
    const socket = connect(port.port, '127.0.0.1');
    const length = 3 * 1024 * 1024;
    socket.write(post(path, `Content-Length: ${length}`));
    for (let sent = 0; sent < length; sent += MAX_BYTES) {
      if (!socket.write(Buffer.alloc(MAX_BYTES, ' '))) await once(socket, 'drain');
    }
    const answer = Buffer.concat(await socket.toArray()).toString();
    assert.match(answer, new RegExp(`^HTTP/1\\.1 ${httpStatus} `));
  });
}

test('a body that never ends is not read for ever', async () => {
  await using port = await open();
  const socket = connect(port.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(post('/v1/queue', 'Transfer-Encoding: chunked'));
  const sending = setInterval(() => socket.write(`2\r\n  \r\n`), 20);
  const large = Buffer.alloc(2 * MAX_BYTES, ' ');
  socket.write(`${large.length.toString(16)}\r\n${large.toString()}\r\n`);
  assert.match(await until(socket, /\}$/), /^HTTP\/1\.1 413 [^]*connection: close/i);
  const begunMs = performance.now();
  socket.resume();
  await once(socket, 'close');
  clearInterval(sending);
  assert.ok(performance.now() - begunMs < 2500);
});

test('a small body that nobody wants does not end the connection', async () => {
  await using port = await open();
  const socket = connect(port.port, '127.0.0.1');
  const request = (type: string): string =>
    post('/v1/queue', 'Content-Length: 2').replace('application/json', type);
  socket.write(`${request('text/plain')}{}`);
  assert.match(await until(socket, /\}$/), /^HTTP\/1\.1 415 /);
  socket.write(`${request('application/json')}{}`);
  assert.match(await until(socket, /\}$/), /^HTTP\/1\.1 200 /);
  socket.destroy();
});

/** Status of an upload that goes on until the server ends it. */
async function upload(session: ClientHttp2Session): Promise<unknown> {
  const stream = session.request({
    ':method': 'POST',
    ':path': '/v1/queue',
    'content-type': 'application/json',
  });
  stream.on('error', () => {});
  const sending = setInterval(() => stream.write(Buffer.alloc(MAX_BYTES, ' ')), 5);
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  stream.resume();
  await once(stream, 'end');
  // The client is told to send no more: the library ends its side then.
  while (!stream.writableEnded) await sleep(5);
  clearInterval(sending);
  return headers[':status'];
}

test('over HTTP/2 only the one request ends', async () => {
  await using port = await open();
  const session = connectHttp2(port.url);
  assert.deepEqual(await Promise.all([upload(session), upload(session)]), [413, 413]);
  const stream = session.request({
    ':method': 'POST',
    ':path': '/v1/queue',
    'content-type': 'application/json',
  });
  stream.end('{}');
  const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
  assert.equal(headers[':status'], 200);
  stream.resume();
  await once(stream, 'close');
  session.destroy();
});
