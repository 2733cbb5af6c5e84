import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { connect, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { endUntakenAnswers, endWhenSilent } from './dead-clients.ts';

const TIMEOUT_MS = 100;

async function portOf(t: TestContext, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const address = server.address();
  assert(typeof address === 'object' && address);
  return address.port;
}

function http2Port(t: TestContext): Promise<number> {
  const server = createHttp2Server();
  server.on('session', (session) => endWhenSilent(session, TIMEOUT_MS));
  server.on('sessionError', () => {});
  return portOf(t, server);
}

test('a client of HTTP/2 that answers nothing is hung up', async (t) => {
  const socket = connect(await http2Port(t), '127.0.0.1').on('error', () => {});
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
  const before = performance.now();
  await once(socket.resume(), 'close');
  assert.ok(performance.now() - before < 20 * TIMEOUT_MS);
});

test('one that answers is kept, though it asks for nothing', async (t) => {
  const session = connectHttp2(`http://127.0.0.1:${await http2Port(t)}`);
  await once(session, 'connect');
  await sleep(5 * TIMEOUT_MS);
  assert.equal(session.closed || session.destroyed, false);
  session.destroy();
});

/** A connection of HTTP/1.1 that has asked. */
async function asked(t: TestContext, answer: RequestListener): Promise<Socket> {
  const server = createServer(answer);
  endUntakenAnswers(server, TIMEOUT_MS);
  const socket = connect(await portOf(t, server), '127.0.0.1').on('error', () => {});
  t.after(() => socket.destroy());
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  return socket;
}

test('who does not take an answer loses its connection', async (t) => {
  const over = Promise.withResolvers<boolean>();
  await asked(t, (_, response) => {
    response.once('close', () => over.resolve(response.writableFinished));
    // More than the buffers of two sockets hold.
    response.end(Buffer.alloc(32 * 1024 * 1024));
  });
  assert.equal(await over.promise, false);
});

test('a stream that has nothing to say is let be, and goes on', async (t) => {
  let say = (): void => {};
  const socket = await asked(t, (_, response) => {
    response.write('first');
    say = () => response.end('last');
  });
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await sleep(5 * TIMEOUT_MS);
  assert.equal(socket.readableEnded || socket.destroyed, false);
  say();
  for (let i = 0; i < 100 && !text.includes('last'); i++) await sleep(10);
  assert.match(text, /first.*last/s);
});
