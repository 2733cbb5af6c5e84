import { type ExecutorStream, Hold, PeerServiceClient } from '@armada-ts/api/armada/server/v1/peers';
import { LeaseRequest, NodeInfo } from '@armada-ts/api/executorapi/executorapi';
import { credentials, Metadata, status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { createServer, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../base/clock.ts';
import type { Showing } from '../peers/relay.ts';
import { createFleet } from '../peers/testing/fleet.ts';
import { createPeerTokens } from '../peers/token.ts';
import { type PeerServer, SECRET, startPeer } from './testing/peering.ts';

const stream = (executorId: string, number = 1, session = 'process'): ExecutorStream => ({
  executorId,
  session,
  number,
});

/** What executors show here is told apart by this number. */
function show(showing: Showing, maxJobsToLease: number, more: Partial<LeaseRequest> = {}): void {
  showing.see(LeaseRequest.encode(LeaseRequest.create({ maxJobsToLease, ...more })).finish());
}

/** A stream that is ended is none of what these tests expect. */
function open(server: PeerServer, opened: ExecutorStream): Showing {
  return server.peers.relay.open(opened, (error) => assert.fail(error));
}

async function until(condition: () => boolean, what: () => string): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    if (condition()) return;
    await sleep(10);
  }
  assert.fail(what());
}

const sees = (server: PeerServer, wanted: string[]): Promise<void> =>
  until(
    () => JSON.stringify(server.seen) === JSON.stringify(wanted),
    () => `${server.id} saw ${server.seen.join(', ')}, not ${wanted.join(', ')}`,
  );

test('what an executor shows anywhere is seen by the leader, here or there', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  await using b = await startPeer(fleet, 'b');
  fleet.lead('a');
  const east = open(a, stream('east'));
  const west = open(b, stream('west'));
  show(east, 1);
  assert.deepEqual(a.seen, ['east 1']);
  show(west, 2);
  await sees(a, ['east 1', 'west 2']);
  show(west, 3);
  await sees(a, ['east 1', 'west 2', 'west 3']);
  assert.deepEqual(b.seen, []);
});

test('a new leader is shown again what executors with a stream showed last', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  await using b = await startPeer(fleet, 'b');
  await using c = await startPeer(fleet, 'c');
  fleet.lead('a');
  const west = open(b, stream('west'));
  show(west, 1);
  show(west, 2);
  const north = open(c, stream('north'));
  show(north, 3);
  const left = open(c, stream('left'));
  show(left, 4);
  await until(
    () => a.seen.length >= 3,
    () => a.seen.join(),
  );
  left.close();
  await a.kill();
  fleet.leave('a');
  fleet.lead('b');
  await sees(b, ['west 2 repeated', 'north 3 repeated']);
  show(north, 5);
  await sees(b, ['west 2 repeated', 'north 3 repeated', 'north 5']);
});

test('a leader is shown everything once it is ready, and again when it had to begin anew', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  await using b = await startPeer(fleet, 'b');
  show(open(a, stream('east')), 1);
  show(open(b, stream('west')), 2);
  fleet.lead('a', false);
  await sleep(50);
  assert.deepEqual(a.seen, []);
  fleet.lead('a');
  await sees(a, ['east 1', 'west 2']);
  fleet.lead('a', false);
  a.seen.length = 0;
  fleet.lead('a');
  await sees(a, ['east 1 repeated', 'west 2 repeated']);
});

test('what is shown while nobody leads goes to whoever leads next', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  await using b = await startPeer(fleet, 'b');
  const west = open(a, stream('west'));
  show(west, 1);
  show(west, 2);
  // A Go executor has no stream any more by then.
  const go = open(a, stream('go', 0, ''));
  show(go, 3);
  go.close();
  const gone = open(a, stream('gone'));
  show(gone, 4);
  gone.close();
  fleet.lead('b');
  await sees(b, ['west 2', 'go 3']);
});

test('a leader that is slow gets the newest of each executor, and one at a time', async () => {
  const fleet = createFleet();
  const gate = Promise.withResolvers<void>();
  await using a = await startPeer(fleet, 'a', {
    wrap: (taking) => ({
      ...taking,
      serve: (callerId, requests, send) =>
        taking.serve(callerId, requests, async (answer) => {
          await gate.promise;
          await send(answer);
        }),
    }),
  });
  await using b = await startPeer(fleet, 'b');
  fleet.lead('a');
  const east = open(b, stream('east'));
  const west = open(b, stream('west'));
  for (let nth = 1; nth <= 5; nth++) {
    show(east, nth);
    show(west, nth);
    await sleep(5);
  }
  await sees(a, ['east 1']);
  gate.resolve();
  await sees(a, ['east 1', 'west 1', 'east 5', 'west 5']);
});

test('a request larger than a message is put together again', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  await using b = await startPeer(fleet, 'b');
  fleet.lead('a');
  const nodes = Array.from({ length: 3000 }, (_, index) =>
    NodeInfo.fromPartial({ name: `node-${index}-${'x'.repeat(100)}` }),
  );
  const west = open(b, stream('west'));
  show(west, 1, { nodes });
  show(open(b, stream('east')), 2);
  await sees(a, ['west 1', 'east 2']);
});

test('what an executor showed to a server that it has left is not taken after what it shows now', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  await using b = await startPeer(fleet, 'b');
  fleet.lead('a');
  show(open(a, stream('west', 2)), 1);
  show(open(b, stream('west', 1)), 2);
  show(open(b, stream('west', 1, 'other')), 3);
  await sees(a, ['west 1', 'west 3']);
});

test('sightings are taken of no server that is gone, and go on when it is back', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  await using b = await startPeer(fleet, 'b');
  fleet.lead('a');
  const west = open(b, stream('west'));
  show(west, 1);
  await sees(a, ['west 1']);
  fleet.leave('b');
  show(west, 2);
  show(west, 3);
  await sleep(150);
  assert.deepEqual(a.seen, ['west 1']);
  fleet.join('b').listen(b.address);
  await sees(a, ['west 1', 'west 3']);
});

test('executors are sent away from a server that cannot reach the leader, and from no other', async () => {
  const fleet = createFleet();
  let elapsedMs = 0;
  const clock = { ...systemClock, elapsed: () => elapsedMs };
  await using a = await startPeer(fleet, 'a', { clock });
  await using b = await startPeer(fleet, 'b', { clock });
  const ended: (string | undefined)[] = [];
  const showing = b.peers.relay.open(stream('west'), ({ code, retryAfterMs }) => {
    ended.push(`${code} ${retryAfterMs}`);
    showing.close();
  });
  show(showing, 1);
  // It is there, and not ready.
  fleet.lead('a', false);
  await sleep(150);
  elapsedMs += 60_000;
  await sleep(600);
  fleet.lead('a');
  await sees(a, ['west 1']);
  assert.deepEqual(ended, []);

  fleet.join('unreachable').listen('127.0.0.1:1');
  fleet.lead('unreachable');
  await sleep(150);
  elapsedMs += 9_000;
  await sleep(600);
  assert.deepEqual(ended, []);
  elapsedMs += 1_000;
  await until(
    () => ended.length > 0,
    () => 'it was not ended',
  );
  await sleep(600);
  assert.deepEqual(ended, ['UNAVAILABLE 1000']);
});

test('an executor id is held at all servers', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  await using b = await startPeer(fleet, 'b');
  await using c = await startPeer(fleet, 'c');
  let replaced = 0;
  const letGo = await a.holders.hold(stream('west'), () => replaced++);
  await assert.rejects(b.holders.hold(stream('west', 1, 'other'), assert.fail), { code: 'EXECUTOR_TAKEN' });
  await assert.rejects(c.holders.hold(stream('west', 0), assert.fail), { code: 'UNAVAILABLE' });
  await b.holders.hold(stream('west', 2), () => replaced++);
  assert.equal(replaced, 1);
  letGo();
  await assert.rejects(a.holders.hold(stream('west', 1, 'other'), assert.fail), { code: 'EXECUTOR_TAKEN' });
  await b.kill();
  await a.holders.hold(stream('west', 1, 'other'), assert.fail);
});

test('an executor id that was taken at two servers which could not reach each other is held by one in the end', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  await using b = await startPeer(fleet, 'b');
  const ended: string[] = [];
  fleet.leave('a');
  fleet.leave('b');
  await a.holders.hold(stream('west'), () => ended.push('a'));
  await b.holders.hold(stream('west', 1, 'other'), () => ended.push('b'));
  fleet.join('a').listen(a.address);
  await until(
    () => ended.length > 0,
    () => 'neither was told',
  );
  fleet.join('b').listen(b.address);
  await sleep(100);
  assert.equal(new Set(ended).size, ended.length);
});

/** An address at which connections are taken and nothing is ever said. */
async function silentAddress(): Promise<string> {
  const sockets: Socket[] = [];
  const listener = createServer((socket) => sockets.push(socket));
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  after(() => {
    for (const socket of sockets) socket.destroy();
    listener.close();
  });
  const address = listener.address();
  assert.ok(typeof address === 'object' && address);
  return `127.0.0.1:${address.port}`;
}

test('a server that is away delays nobody for long', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  await using b = await startPeer(fleet, 'b');
  fleet.join('dead').listen(await silentAddress());
  fleet.join('refusing').listen('127.0.0.1:1');
  const startMs = performance.now();
  await a.holders.hold(stream('west'), assert.fail);
  assert.ok(performance.now() - startMs < 900, `${performance.now() - startMs} ms`);
  // A refusal need not wait for those who say nothing.
  const refusedMs = performance.now();
  await assert.rejects(b.holders.hold(stream('west', 1, 'other'), assert.fail), { code: 'EXECUTOR_TAKEN' });
  assert.ok(performance.now() - refusedMs < 300, `${performance.now() - refusedMs} ms`);
});

test('nobody but a server of the same store is let in', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  const client = new PeerServiceClient(a.address, credentials.createInsecure());
  const codeOf = (token: string | undefined): Promise<status | undefined> => {
    const metadata = new Metadata();
    if (token !== undefined) metadata.set('armada-peer', token);
    return new Promise((resolve) => {
      client.hold({ stream: stream('west') }, metadata, (error) => resolve(error?.code));
    });
  };
  const tokenOf = (secret: Buffer, calleeId: string, agoMs = 0): string =>
    createPeerTokens(secret, 'b', { ...systemClock, now: () => Date.now() - agoMs }).tokenFor(calleeId);
  assert.equal(await codeOf(tokenOf(SECRET, 'a')), undefined);
  assert.equal(await codeOf(undefined), status.PERMISSION_DENIED);
  assert.equal(await codeOf(''), status.UNAUTHENTICATED);
  assert.equal(await codeOf('b.1.2'), status.UNAUTHENTICATED);
  assert.equal(await codeOf(tokenOf(SECRET, 'c')), status.UNAUTHENTICATED);
  assert.equal(await codeOf(tokenOf(Buffer.from('other'), 'a')), status.UNAUTHENTICATED);
  assert.equal(await codeOf(tokenOf(SECRET, 'a', 10 * 60_000)), status.UNAUTHENTICATED);
  client.close();
});

test('a stream that says nothing of itself is refused', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a');
  await using b = await startPeer(fleet, 'b');
  const [peer] = b.peers.channels.all();
  assert.ok(peer && a);
  const code = await new Promise((resolve) => {
    peer.client.hold({ stream: undefined }, peer.metadata(), (error) => resolve(error?.code));
  });
  assert.equal(code, status.INVALID_ARGUMENT);
  assert.equal(a.holders.giveWay(stream('west')), Hold.HOLD_FREE);
});
