import assert from 'node:assert/strict';
import { type ClientSessionOptions, connect as connectHttp2, constants } from 'node:http2';
import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { once } from 'node:events';
import { test } from 'node:test';
import { sentValues } from './incoming.ts';
import { createListener, type Handle } from './protocols.ts';

async function listening(handle: Handle) {
  const listener = createListener({ handle });
  const port = await listener.listen('127.0.0.1', 0);
  return { port, url: `http://127.0.0.1:${port}`, [Symbol.asyncDispose]: () => listener.close() };
}

const tellVersion: Handle = (incoming, response) => {
  void text(incoming).then((body) => response.end(`${incoming.httpVersion} ${incoming.url} ${body}`));
};

/** Everything that comes until the connection ends. */
async function answered(socket: Socket): Promise<string> {
  return await text(socket);
}

test('HTTP/1.1 and HTTP/2 are served on one port', async () => {
  await using server = await listening(tellVersion);
  const answer = await fetch(`${server.url}/one`, { method: 'POST', body: 'x'.repeat(100_000) });
  assert.equal(await answer.text(), `1.1 /one ${'x'.repeat(100_000)}`);
  const session = connectHttp2(server.url);
  const stream = session.request({ ':path': '/two', ':method': 'POST' });
  stream.end('y'.repeat(100_000));
  assert.equal(await text(stream), `2.0 /two ${'y'.repeat(100_000)}`);
  session.close();
});

test('HTTP/2 loses no credentials, however many they are and whatever is around them', async () => {
  await using server = await listening((incoming, response) => {
    response.end(JSON.stringify(sentValues(incoming, 'authorization')));
  });
  const lax = { strictSingleValueFields: false, strictFieldWhitespaceValidation: false };
  const session = connectHttp2(server.url, lax as ClientSessionOptions);
  for (const values of [['a', 'b'], [''], [' '], [' a '], ['a\tb']]) {
    const headers = [':path', '/', ...values.flatMap((value) => ['authorization', value])];
    assert.equal(await text(session.request(headers as never)), JSON.stringify(values));
  }
  session.close();
});

test('a connection of HTTP/1.1 is kept for further requests', async () => {
  await using server = await listening(tellVersion);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ports = new Set<number | undefined>();
  for (let i = 0; i < 5; i++) {
    const sent = request({ port: server.port, path: `/${i}`, agent });
    sent.on('socket', (socket) => void ports.add(socket.localPort));
    sent.end();
    const [answer] = await once(sent, 'response');
    assert.equal(await text(answer), `1.1 /${i} `);
  }
  ports.delete(undefined);
  assert.equal(ports.size, 1);
  agent.destroy();
});

test('the protocol is found out however slowly the first bytes come', async () => {
  await using server = await listening(tellVersion);
  for (const [sent, expected] of [
    ['PROPFIND /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n', /HTTP\/1\.1 200 .*1\.1 \/x/s],
    // The server's settings, a frame of type 4 on stream 0.
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', /^\0\0.\cD\0\0\0\0\0/s],
  ] as const) {
    const socket = connect(server.port, '127.0.0.1').setNoDelay();
    for (const byte of sent) {
      socket.write(byte, 'latin1');
      await new Promise(setImmediate);
    }
    socket.setEncoding('latin1');
    if (expected.source.startsWith('^')) {
      const [first] = await once(socket, 'data');
      assert.match(String(first), expected);
      socket.destroy();
    } else {
      assert.match(await answered(socket), expected);
    }
  }
});

test('whoever says nothing and leaves is let go, in either way', async () => {
  await using server = await listening(tellVersion);
  const polite = connect(server.port, '127.0.0.1');
  polite.end();
  assert.equal(await answered(polite), '');
  const abrupt = connect(server.port, '127.0.0.1');
  await once(abrupt, 'connect');
  abrupt.write('P');
  abrupt.resetAndDestroy();
  assert.equal((await fetch(server.url)).status, 200);
});

test('closing lets requests under way finish, on connections of both protocols, and ends idle ones', async () => {
  const { promise: release, resolve } = Promise.withResolvers<void>();
  let arrived = 0;
  const bothArrived = Promise.withResolvers<void>();
  const listener = createListener({
    handle: (_, response) => {
      if (++arrived === 2) bothArrived.resolve();
      void release.then(() => response.end('whole'));
    },
  });
  const port = await listener.listen('127.0.0.1', 0);
  const idle = connect(port, '127.0.0.1');
  const overOne = fetch(`http://127.0.0.1:${port}`).then((answer) => answer.text());
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const overTwo = text(session.request());
  await bothArrived.promise;
  const begunMs = performance.now();
  const closed = listener.close();
  assert.equal(await answered(idle), '');
  resolve();
  assert.deepEqual(await Promise.all([overOne, overTwo]), ['whole', 'whole']);
  await closed;
  assert(performance.now() - begunMs < 2_000);
});

test('an HTTP/2 client may send much before it has to wait', async () => {
  await using server = await listening(tellVersion);
  const session = connectHttp2(server.url);
  await once(session, 'connect');
  await text(session.request());
  assert((session.state.remoteWindowSize ?? 0) > 512 * 1024);
  session.destroy(undefined, constants.NGHTTP2_CANCEL);
});

test('a connection of HTTP/2 whose client has left is closed', async () => {
  await using server = await listening(tellVersion);
  const socket = connect(server.port, '127.0.0.1');
  socket.end('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0');
  const before = performance.now();
  await answered(socket);
  assert.ok(performance.now() - before < 2000);
});
