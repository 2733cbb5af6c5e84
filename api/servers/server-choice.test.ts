import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, credentials, Server, ServerCredentials, status, type sendUnaryData } from '@grpc/grpc-js';
import { chooseServer, type Dialled, RECONNECT_OPTIONS } from './server-choice.ts';

/** A real server whose one method answers when it is told to. */
interface Listener {
  address: string;
  /** Answers every call under way. */
  answer(): void;
  kill(): void;
}

interface Peer extends Dialled {
  client: Client;
}

const PATH = '/test.Echo/Wait';

async function listen(address = '127.0.0.1:0'): Promise<Listener> {
  const server = new Server();
  const waiting: sendUnaryData<Buffer>[] = [];
  const pass = (bytes: Buffer): Buffer => bytes;
  const method = {
    path: PATH,
    requestStream: false,
    responseStream: false,
    requestSerialize: pass,
    requestDeserialize: pass,
    responseSerialize: pass,
    responseDeserialize: pass,
  };
  server.addService(
    { wait: method },
    { wait: (_: unknown, callback: sendUnaryData<Buffer>) => waiting.push(callback) },
  );
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const kill = () => server.forceShutdown();
  after(kill);
  return {
    address: `127.0.0.1:${port}`,
    answer: () => waiting.splice(0).forEach((callback) => callback(null, Buffer.from('done'))),
    kill,
  };
}

/** Takes connections and never says a word, as a stopped process does. */
async function listenSilently(): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as net.AddressInfo;
  return `127.0.0.1:${port}`;
}

/** An address that nobody listens on. */
async function unused(): Promise<string> {
  const listener = await listen();
  listener.kill();
  return listener.address;
}

const dialled: string[] = [];

function dial(address: string): Peer {
  dialled.push(address);
  const client = new Client(address, credentials.createInsecure(), {
    ...RECONNECT_OPTIONS,
    'grpc.use_local_subchannel_pool': 1,
  });
  return { address, client, channel: client.getChannel(), close: () => client.close() };
}

function choose(...addresses: string[]) {
  const choice = chooseServer(addresses, dial);
  after(() => choice.close());
  return choice;
}

function call({ client }: Peer): Promise<string> {
  return new Promise((resolve, reject) => {
    const pass = (bytes: Buffer): Buffer => bytes;
    client.makeUnaryRequest(PATH, pass, pass, Buffer.alloc(0), (error, answer) =>
      error ? reject(error) : resolve(String(answer)),
    );
  });
}

async function elapsedMs(work: Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work;
  return performance.now() - beganMs;
}

test('reach() gives the first that answers, and stays with it', async () => {
  const [one, two] = [await listen(), await listen()];
  const refused = [await unused(), await unused(), await unused()];
  const choice = choose(...refused, one.address, two.address);
  const beganMs = performance.now();
  const server = await choice.reach(2_000);
  assert.equal(server?.address, one.address);
  assert.ok(performance.now() - beganMs < 700, 'a refused address is passed over at once');
  assert.equal(await choice.reach(0), server);
  assert.ok(!dialled.includes(two.address), 'nobody is dialled beyond the first that answers');
});

test('a silent address keeps the next one waiting for a moment only, and is let go', async () => {
  const silent = await listenSilently();
  const live = await listen();
  const choice = choose(silent, live.address);
  const tookMs = await elapsedMs(choice.reach(2_000));
  assert.equal((await choice.reach(0))?.address, live.address);
  assert.ok(tookMs >= 200 && tookMs < 1_200, `${tookMs} ms`);
  assert.deepEqual(choice.tried(), []);
});

test('when the server in use is gone, the next is taken at once, and the list goes around', async () => {
  const [one, two] = [await listen(), await listen()];
  const choice = choose(one.address, two.address);
  assert.equal((await choice.reach(2_000))?.address, one.address);
  one.kill();
  await sleep(20);
  const beganMs = performance.now();
  assert.equal((await choice.reach(2_000))?.address, two.address);
  assert.ok(performance.now() - beganMs < 1_000);
  const again = await listen(one.address);
  two.kill();
  await sleep(20);
  assert.equal((await choice.reach(2_000))?.address, again.address);
});

test('no address is given up: one that comes back after all were gone is found soon', async () => {
  const gone = await listen();
  const choice = choose(await unused(), gone.address);
  gone.kill();
  assert.equal(await choice.reach(2_500), undefined);
  assert.equal(choice.tried().length, 2);
  const found = choice.reach(5_000);
  await listen(gone.address);
  const tookMs = await elapsedMs(found);
  assert.equal((await found)?.address, gone.address);
  assert.ok(tookMs < 2_500, `${tookMs} ms`);
});

test('a server that is passed over finishes what it is about, and comes after the others', async () => {
  const [one, two] = [await listen(), await listen()];
  const choice = choose(one.address, two.address);
  const first = await choice.reach(2_000);
  assert.ok(first);
  const answer = call(first);
  await sleep(50);
  choice.passOver(first);
  const atOnce = call(first).catch(({ code }: { code: unknown }) => code);
  assert.equal((await choice.reach(2_000))?.address, two.address);
  choice.passOver(first);
  assert.equal((await choice.reach(0))?.address, two.address, 'only the server in use can be passed over');
  one.answer();
  assert.equal(await answer, 'done');
  const end = await Promise.race([atOnce, sleep(500, undefined)]);
  assert.ok(end === undefined || end === 'done' || end === status.UNAVAILABLE, String(end));
  two.kill();
  await sleep(20);
  assert.equal((await choice.reach(2_000))?.address, one.address);
});

test('the only server is never passed over', async () => {
  const one = await listen();
  const choice = choose(one.address);
  const server = await choice.reach(2_000);
  assert.ok(server);
  choice.passOver(server);
  assert.equal(await choice.reach(0), server);
});

test('those who wait are let go by their time, by their signal and by closing', async () => {
  const choice = choose(await unused());
  assert.ok((await elapsedMs(choice.reach(100))) < 1_000);
  const abort = new AbortController();
  const aborted = choice.reach(10_000, abort.signal);
  setTimeout(() => abort.abort(), 30);
  assert.ok((await elapsedMs(aborted)) < 1_000);
  const closed = choice.reach(10_000);
  setTimeout(() => choice.close(), 30);
  assert.ok((await elapsedMs(closed)) < 1_000);
  assert.equal(await choice.reach(100), undefined);
});
