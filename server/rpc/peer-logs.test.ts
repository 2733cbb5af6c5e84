import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import { type OwnLinks, readAnywhere } from '../peers/logs.ts';
import { createFleet } from '../peers/testing/fleet.ts';
import { type PeerServer, startPeer } from './testing/peering.ts';

/** The links of one server: at most one, to the executor "east", which has one log. */
interface FakeLinks extends OwnLinks {
  isLinked: boolean;
  log: string;
  /** The log goes on no further. */
  hasEnded: boolean;
  /** Where it was asked from. */
  asked: number[];
}

function createLinks(log: string | undefined, hasEnded = true): FakeLinks {
  const links: FakeLinks = {
    isLinked: log !== undefined,
    log: log ?? '',
    hasEnded,
    asked: [],
    has: (executorId) => links.isLinked && executorId === 'east',
    async *readLog(_, { offset, container }, signal) {
      links.asked.push(Number(offset));
      if (container === 'none') throw new ArmadaError('LOG_NOT_FOUND', 'no such container');
      let next = offset < 0n ? links.log.length + Number(offset) : Number(offset);
      while (!signal.aborted) {
        if (!links.isLinked) throw new ArmadaError('UNAVAILABLE', 'the link to the executor broke');
        if (next < links.log.length) {
          const data = Buffer.from(links.log.slice(next, next + 4));
          yield { data, offset: next };
          next += data.length;
        } else if (links.hasEnded) return;
        else await sleep(5);
      }
    },
  };
  return links;
}

interface Reading {
  text(): string;
  done: Promise<void>;
}

function read(
  server: PeerServer,
  links: OwnLinks,
  more: { offset?: bigint; container?: string; executorId?: string; signal?: AbortSignal } = {},
  clock = systemClock,
): Reading {
  const { offset = 0n, container = '', executorId = 'east', signal = new AbortController().signal } = more;
  const question = { jobId: 'job', runId: 'run', container, offset, follow: true, limit: 0n };
  let text = '';
  const run = async (): Promise<void> => {
    const deps = { links, channels: server.peers.channels, clock };
    for await (const part of readAnywhere(deps, executorId, question, signal)) {
      assert.equal(part.offset, offset < 0n ? part.offset : Number(offset) + text.length);
      text += Buffer.from(part.data).toString();
    }
  };
  return { text: () => text, done: run() };
}

async function until(reading: Reading, text: string): Promise<void> {
  for (let tries = 0; reading.text() !== text; tries++) {
    assert.ok(tries < 1000, `read ${reading.text()}, not ${text}`);
    await sleep(5);
  }
}

test('a log is read at the server that the executor is connected to, from any other', async () => {
  const fleet = createFleet();
  const links = createLinks('hello world');
  await using a = await startPeer(fleet, 'a', { links });
  await using b = await startPeer(fleet, 'b', { links: createLinks(undefined) });
  await using c = await startPeer(fleet, 'c');
  for (const [server, own] of [
    [a, links],
    [b, createLinks(undefined)],
    [c, createLinks(undefined)],
  ] as const) {
    const whole = read(server, own);
    const rest = read(server, own, { offset: 6n });
    const tail = read(server, own, { offset: -3n });
    await Promise.all([whole.done, rest.done, tail.done]);
    assert.deepEqual([whole.text(), rest.text(), tail.text()], ['hello world', 'world', 'rld']);
  }
});

test('what the executor says of a log that is not there is told, wherever it is connected', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a', { links: createLinks('some') });
  await using b = await startPeer(fleet, 'b');
  assert.ok(a);
  await assert.rejects(read(b, createLinks(undefined), { container: 'none' }).done, {
    code: 'LOG_NOT_FOUND',
    message: 'no such container',
  });
});

test('a log of an executor that is connected nowhere is unavailable at once, whoever else is away', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a', { links: createLinks('some') });
  await using b = await startPeer(fleet, 'b');
  fleet.join('refusing').listen('127.0.0.1:1');
  assert.ok(a);
  const startMs = performance.now();
  await assert.rejects(read(b, createLinks(undefined), { executorId: 'west' }).done, {
    code: 'UNAVAILABLE',
    message: /^executor "west" is not connected/,
  });
  assert.ok(performance.now() - startMs < 900);
  const reading = read(b, createLinks(undefined));
  await reading.done;
  assert.equal(reading.text(), 'some');
});

test('a log goes on when the server dies that has the link, at the server to which the executor goes', async () => {
  const fleet = createFleet();
  const first = createLinks('hello ', false);
  const second = createLinks(undefined);
  await using a = await startPeer(fleet, 'a', { links: first });
  await using b = await startPeer(fleet, 'b');
  await using c = await startPeer(fleet, 'c', { links: second });
  assert.ok(c);
  const reading = read(b, createLinks(undefined));
  await until(reading, 'hello ');
  await a.kill();
  fleet.leave('a');
  await sleep(100);
  Object.assign(second, { isLinked: true, log: 'hello world' });
  await reading.done;
  assert.equal(reading.text(), 'hello world');
  assert.deepEqual(second.asked, [6]);
});

test('a log goes on when the server that has the link says nothing any more, and is gone by the word of the store', async () => {
  const fleet = createFleet();
  const first = createLinks('hello ', false);
  const second = createLinks(undefined);
  await using a = await startPeer(fleet, 'a', { links: first });
  await using b = await startPeer(fleet, 'b');
  await using c = await startPeer(fleet, 'c', { links: second });
  assert.ok(a && c);
  const reading = read(b, createLinks(undefined));
  await until(reading, 'hello ');
  Object.assign(second, { isLinked: true, log: 'hello world' });
  await sleep(50);
  assert.equal(reading.text(), 'hello ');
  fleet.leave('a');
  await reading.done;
  assert.equal(reading.text(), 'hello world');
});

test('a log goes on when the executor comes to the server that is asked', async () => {
  const fleet = createFleet();
  const there = createLinks('hello ', false);
  const here = createLinks(undefined);
  await using a = await startPeer(fleet, 'a', { links: there });
  await using b = await startPeer(fleet, 'b', { links: here });
  assert.ok(a);
  const reading = read(b, here);
  await until(reading, 'hello ');
  there.isLinked = false;
  Object.assign(here, { isLinked: true, log: 'hello world' });
  await reading.done;
  assert.equal(reading.text(), 'hello world');
});

test('a log that broke off and does not go on ends with an error, after a while', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a', { links: createLinks('hello ', false) });
  await using b = await startPeer(fleet, 'b');
  let elapsedMs = 0;
  const clock = { ...systemClock, elapsed: () => elapsedMs };
  const reading = read(b, createLinks(undefined), {}, clock);
  await until(reading, 'hello ');
  const ended = assert.rejects(reading.done, { code: 'UNAVAILABLE' });
  await a.kill();
  fleet.leave('a');
  await sleep(300);
  elapsedMs = 11_000;
  await ended;
});

test('who stops reading is not read for any more', async () => {
  const fleet = createFleet();
  const links = createLinks('some', false);
  let isRead = false;
  const watched: OwnLinks = {
    has: (id) => links.has(id),
    async *readLog(...question) {
      isRead = true;
      yield* links.readLog(...question);
      isRead = false;
    },
  };
  await using a = await startPeer(fleet, 'a', { links: watched });
  await using b = await startPeer(fleet, 'b');
  assert.ok(a);
  const gone = new AbortController();
  const reading = read(b, createLinks(undefined), { signal: gone.signal });
  await until(reading, 'some');
  gone.abort();
  await reading.done;
  for (let tries = 0; isRead; tries++) {
    assert.ok(tries < 200, 'the other server reads on');
    await sleep(5);
  }
});
