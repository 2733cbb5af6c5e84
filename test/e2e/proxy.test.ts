// What the other tests take for bad weather is what it says.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Proxy, startProxy } from './proxy.ts';

/** How long silence is listened to. */
const QUIET_MS = 100;

interface Peers {
  proxy: Proxy;
  /** All that a server behind the proxy was told, over all connections. */
  heard: () => string;
  /** Connects through the proxy; `text` is all that was answered. */
  caller: () => { socket: Socket; text: () => string; ended: Promise<void> };
}

/** A server that answers everything in capitals, behind a proxy. */
async function startPeers(t: TestContext): Promise<Peers> {
  let heard = '';
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      heard += data.toString();
      socket.write(data.toString().toUpperCase());
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const bound = server.address();
  assert(typeof bound === 'object' && bound);
  const proxy = await startProxy(`127.0.0.1:${bound.port}`);
  t.after(async () => {
    await proxy.close();
    server.close();
  });
  const caller = () => {
    const socket = connect(Number(proxy.address.split(':')[1]), '127.0.0.1');
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (data) => (text += data.toString()));
    t.after(() => socket.destroy());
    const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    return { socket, text: () => text, ended };
  };
  return { proxy, heard: () => heard, caller };
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !condition(); tries++) await sleep(5);
  assert.ok(condition(), 'it never came to that');
}

test('a silence in one direction lets the other pass, and what was held arrives after it, farewells too', async (t) => {
  const { proxy, heard, caller } = await startPeers(t);
  const first = caller();
  first.socket.write('one ');
  await until(() => first.text() === 'ONE ');
  proxy.silence('answers', 'held');
  first.socket.write('two ');
  await until(() => heard() === 'one two ');
  proxy.silence('requests', 'held');
  first.socket.write('three ');
  await sleep(QUIET_MS);
  assert.equal(first.text(), 'ONE ');
  first.socket.destroy();
  await sleep(QUIET_MS);
  assert.equal(heard(), 'one two ');
  proxy.resume();
  await until(() => heard() === 'one two three ');
});

test('of a connection that lost bytes in a silence nothing more arrives, of others it does', async (t) => {
  const { proxy, heard, caller } = await startPeers(t);
  const [lost, idle] = [caller(), caller()];
  proxy.silence('requests', 'swallowed');
  lost.socket.write('never ');
  await sleep(QUIET_MS);
  proxy.resume();
  lost.socket.write('nor this ');
  idle.socket.write('but this');
  await until(() => idle.text() === 'BUT THIS');
  assert.equal(heard(), 'but this');
});

test('a connection is reset in the middle of an answer, and turned away while it is to be', async (t) => {
  const { proxy, caller } = await startPeers(t);
  const first = caller();
  const cut = proxy.cutAfter(3);
  first.socket.write('answer');
  await cut;
  await first.ended;
  assert.equal(first.text(), 'ANS');
  proxy.isRefusing = true;
  await caller().ended;
  proxy.isRefusing = false;
  const second = caller();
  second.socket.write('back');
  await until(() => second.text() === 'BACK');
});

test('all connections together get no more than the line carries', async (t) => {
  const { proxy, caller } = await startPeers(t);
  proxy.throttle(64_000);
  const callers = [caller(), caller()];
  const beganMs = performance.now();
  for (const { socket } of callers) socket.write('x'.repeat(4_000));
  await until(() => callers.every(({ text }) => text().length === 4_000));
  const tookMs = performance.now() - beganMs;
  // Both directions take a second each, side by side.
  assert.ok(tookMs > 900 && tookMs < 3_000, `${tookMs} ms`);
});

test('what an ended connection asked for is asked once more', async (t) => {
  const { proxy, heard, caller } = await startPeers(t);
  proxy.record();
  const first = caller();
  first.socket.write('again ');
  await until(() => first.text() === 'AGAIN ');
  first.socket.end();
  await first.ended;
  assert.equal(await proxy.replay(), 1);
  assert.equal(heard(), 'again again ');
});
