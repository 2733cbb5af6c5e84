// A Redis that is full, slow or away, under a whole Armada: new jobs are refused
// first and with a hint, those that run go on and end, what looks is answered as
// long as it can be, and all recovers by itself.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SubmitService } from '@armada-ts/api/api/submit';
import { ArmadaClientError, type Connection, connect, getQueue } from '@armada-ts/client';
import { peakRssBytes } from '../faults/server-meter.ts';
import { createDirectory, redisCli, type RedisServer, startRedis, SYNCED } from '../store/redis.servers.ts';
import { jobItem } from './items.ts';
import { armadactl, type Standalone, startStandalone, temporaryDirectory } from './programs.ts';
import { type Proxy, startProxy } from './proxy.ts';
import { eventsUntil, have } from './watching.ts';

const SET = { queue: 'demo', jobSetId: 'pressure' };
const WAIT_MS = 15_000;
const MAX_MEMORY_BYTES = 600 * 1024 * 1024;

interface World {
  redis: RedisServer;
  /** Between the server and Redis. */
  proxy: Proxy;
  server: Standalone;
  /** Repeats nothing by itself. */
  connection: Connection;
}

async function startWorld(t: TestContext): Promise<World> {
  const redis = await startRedis(await createDirectory(), SYNCED);
  const proxy = await startProxy(`127.0.0.1:${redis.port}`);
  const nodes = ['--nodes', '4', '--cpu', '8', '--memory', '16Gi'];
  const parameters = [...nodes, '--store', `redis://${proxy.address}`];
  const server = await startStandalone(`${await temporaryDirectory(t)}/data`, parameters);
  const connection = connect({ address: server.address, retryForMs: 0 });
  t.after(async () => {
    connection.close();
    await server.kill('SIGKILL');
    await proxy.close();
    await redis.kill();
  });
  assert.equal((await armadactl(server.address, 'create', 'queue', 'demo')).code, 0);
  return { redis, proxy, server, connection };
}

function submit(connection: Connection, script: string, count = 1) {
  const item = jobItem({ command: ['sh', '-c', script] });
  const jobRequestItems = Array.from({ length: count }, () => item);
  return connection.call(SubmitService.submitJobs, { ...SET, jobRequestItems });
}

/** What a call is refused with, which must come with a hint when to ask again. */
async function refusalOf(call: Promise<unknown>): Promise<ArmadaClientError> {
  const error = await call.then(
    () => assert.fail('it was taken'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ArmadaClientError, String(error));
  assert.ok(error.retryAfterMs, `no hint: ${error.message}`);
  return error;
}

/** Tries until it goes well; how long that took, in milliseconds. */
async function untilTaken(act: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  for (;;) {
    try {
      await act();
      return Math.round(performance.now() - beganMs);
    } catch (error) {
      if (performance.now() - beganMs > WAIT_MS) throw error;
    }
    await sleep(50);
  }
}

/** Waits until health is told with one of these; what it says. */
async function healthOf({ url }: Standalone, code: number): Promise<string> {
  for (const untilMs = performance.now() + WAIT_MS; ; ) {
    const health = await fetch(`${url}/health`);
    const text = await health.text();
    if (health.status === code) return text;
    assert.ok(performance.now() < untilMs, `${health.status}: ${text}`);
    await sleep(50);
  }
}

async function usedBytes({ port }: RedisServer): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redisCli(port, 'info', 'memory'))?.[1]);
}

test('while Redis is full new jobs are refused, and those that are there run, end and are cancelled', async (t) => {
  const { redis, server, connection } = await startWorld(t);
  await healthOf(server, 204);
  const { jobResponseItems } = await submit(connection, 'sleep 3', 5);
  const doomed = await submit(connection, 'sleep 600');
  await eventsUntil(connection, SET, have('running', 6));
  // Less than it has: nothing more fits.
  await redisCli(redis.port, 'config', 'set', 'maxmemory', String((await usedBytes(redis)) - 100_000));
  const { code, reason } = await refusalOf(submit(connection, 'exit 0'));
  assert.deepEqual({ code, reason }, { code: 'RESOURCE_EXHAUSTED', reason: 'OVERLOADED' });
  const jobIds = doomed.jobResponseItems.map(({ jobId }) => jobId);
  await connection.call(SubmitService.cancelJobs, { ...SET, jobId: '', jobIds, reason: 'test' });
  const ended = await eventsUntil(connection, SET, have('succeeded', jobResponseItems.length));
  await eventsUntil(connection, SET, have('cancelled', 1));
  assert.ok(have('running', 6)(ended));
  assert.equal((await getQueue(connection, 'demo')).name, 'demo');
  assert.match(
    await healthOf(server, 200),
    /^Redis is full to \d+ % of maxmemory.*: new jobs are refused\n$/,
  );
  // Whoever asks has it looked at, and told at the next time.
  const told = await armadactl(server.address, 'version', '--server');
  assert.match(told.stdout, /note: Redis is full/);

  await redisCli(redis.port, 'config', 'set', 'maxmemory', '100mb');
  const tookMs = await untilTaken(() => submit(connection, 'exit 0'));
  await eventsUntil(connection, SET, have('succeeded', jobResponseItems.length + 1));
  await healthOf(server, 204);
  t.diagnostic(`a submit was taken ${tookMs} ms after there was room`);
});

test('while Redis is away health is red and calls are refused at once; all goes on when it is back', async (t) => {
  const { redis, server, connection } = await startWorld(t);
  await healthOf(server, 204);
  await submit(connection, 'sleep 3', 3);
  await eventsUntil(connection, SET, have('running', 3));
  const following = eventsUntil(connection, SET, have('succeeded', 4));
  await redis.kill();
  const goneMs = performance.now();
  const { code, reason } = await refusalOf(submit(connection, 'exit 0'));
  const refusedMs = Math.round(performance.now() - goneMs);
  assert.deepEqual({ code, reason }, { code: 'UNAVAILABLE', reason: 'UNAVAILABLE' });
  assert.match(await healthOf(server, 503), /the store fails: Redis cannot be reached/);
  const redMs = Math.round(performance.now() - goneMs);
  // Jobs end meanwhile; their executor says so later.
  await sleep(4_000);
  await redis.restart();
  const tookMs = await untilTaken(() => submit(connection, 'exit 0'));
  await following;
  await healthOf(server, 204);
  t.diagnostic(
    `refused after ${refusedMs} ms, red after ${redMs} ms, taken ${tookMs} ms after Redis was back`,
  );
});

test('while Redis is slow new jobs are refused where they are too many, and reports are not', async (t) => {
  const { proxy, server, connection } = await startWorld(t);
  await submit(connection, 'sleep 2', 4);
  await eventsUntil(connection, SET, have('running', 4));
  proxy.delay(300);
  const slowMs = performance.now();
  const flood = { refused: 0, taken: 0, hints: 0, isOver: false };
  // Each needs a whole node, so that hardly any of them runs.
  const items = Array.from({ length: 100 }, (_, index) =>
    jobItem({ cpu: '8', command: ['sleep', `60.${index}`] }),
  );
  const flooding = Promise.all(
    Array.from({ length: 200 }, async () => {
      while (!flood.isOver) {
        try {
          await connection.call(SubmitService.submitJobs, {
            queue: 'demo',
            jobSetId: 'flood',
            jobRequestItems: items,
          });
          flood.taken++;
        } catch (error) {
          assert.ok(error instanceof ArmadaClientError, String(error));
          flood.refused++;
          if (error.retryAfterMs) flood.hints++;
        }
        await sleep(100);
      }
    }),
  );
  // Awaited below, unless something else fails before.
  flooding.catch(() => {});
  t.after(() => (flood.isOver = true));
  await eventsUntil(connection, SET, have('succeeded', 4), 2 * WAIT_MS);
  const reportedMs = Math.round(performance.now() - slowMs);
  while (flood.refused === 0 && performance.now() - slowMs < WAIT_MS) await sleep(50);
  flood.isOver = true;
  await flooding;
  proxy.delay(0);
  const tookMs = await untilTaken(() => submit(connection, 'exit 0'));
  const { refused, taken, hints } = flood;
  const peakMiB = Math.round(peakRssBytes(server.process.pid ?? 0) / 1024 / 1024);
  t.diagnostic(
    `${taken} calls taken, ${refused} refused; ends told after ${reportedMs} ms; well after ${tookMs} ms; ${peakMiB} MiB at most`,
  );
  assert.ok(refused > 0 && hints === refused, `${refused} refused, ${hints} with a hint`);
  const tellsRefusals = server.lines.filter((line) => line.includes('"refused":'));
  assert.ok(tellsRefusals.length > 0);
  for (const line of tellsRefusals) assert.match(line, /"vital":0/);
  assert.ok(peakMiB * 1024 * 1024 < MAX_MEMORY_BYTES, `${peakMiB} MiB`);
});
