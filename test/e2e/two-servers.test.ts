// Two servers on one Redis, killed in turn: a program that submits and watches,
// and an executor, each know both, and neither is told of it.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, createQueue, submitJobs, watchJobSet } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { freePort } from '../free-port.ts';
import { createDirectory, startRedis } from '../store/redis.servers.ts';
import { jobItem } from './items.ts';
import { armadactl, type Standalone, startProgram, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { eventsSoFar } from './watching.ts';

const IS_LONG = process.env['ARMADA_TEST_LONG'] === '1';
const JOBS = IS_LONG ? 4_000 : 400;
const KILLS = IS_LONG ? 40 : 4;
const SET = { queue: 'demo', jobSetId: 'two' };
const ENDS = new Set(['succeeded', 'failed', 'cancelled', 'preempted']);

/** Starts a server at one of two places of the same store. */
async function starter(t: TestContext, directory: string, ports: readonly number[]) {
  const settings = ['--save', '', '--appendonly', 'no', '--loglevel', 'warning'];
  const redis = await startRedis(await createDirectory(), settings);
  t.after(() => redis.kill());
  const url = `redis://127.0.0.1:${redis.port}`;
  return async (place: number): Promise<Standalone> => {
    const server = await startServer(join(directory, `server-${place}`), {
      auth: standaloneAuth,
      grpc: { port: ports[place] ?? 0 },
      store: { url, acknowledgement: 'local' },
    });
    t.after(() => server.kill('SIGKILL'));
    return server;
  };
}

test('programs and executors that know both of two servers do not notice when these are killed in turn', async (t) => {
  const directory = await temporaryDirectory(t);
  const ports = [await freePort(), await freePort()];
  const address = ports.map((port) => `127.0.0.1:${port}`).join(',');
  const start = await starter(t, directory, ports);
  const servers = [await start(0), await start(1)];
  const args = ['--server', address, '--executor-id', 'apart', '--data', join(directory, 'executor')];
  const ARMADA_EXECUTOR_NODES = '{ count: 2, cpu: 4, memory: 256Gi, ephemeralStorage: 100Ti }';
  const executor = startProgram('executor/main.ts', args, { ARMADA_EXECUTOR_NODES });
  t.after(() => executor.kill('SIGKILL'));
  await executor.line(/leasing from the server/);
  using connection = connect({ address });
  await createQueue(connection, { name: SET.queue });

  const starts = join(directory, 'starts');
  const command = ['sh', '-c', `echo $ARMADA_JOB_ID >>${starts}; sleep 0.1`];
  const items = Array.from({ length: JOBS }, () => jobItem({ cpu: '500m', command }));
  const submitting = (async () => {
    const ids: string[] = [];
    const options = { clientIds: 'random', maxBatchItems: 10, maxInFlight: 1 } as const;
    for await (const { jobId } of submitJobs(connection, { ...SET, items }, options)) {
      ids.push(jobId);
      await sleep(15);
    }
    return ids;
  })();
  const killing = (async () => {
    for (let kill = 0; kill < KILLS; kill += 1) {
      await sleep(1_000);
      await servers[kill % 2]?.kill('SIGKILL');
      servers[kill % 2] = await start(kill % 2);
    }
  })();
  const watched: string[] = [];
  let ended = 0;
  for await (const { body, messageId } of watchJobSet(connection, {
    ...SET,
    signal: AbortSignal.timeout(IS_LONG ? 600_000 : 90_000),
  })) {
    watched.push(`${messageId} ${body.$case} ${body.value.jobId}`);
    if (ENDS.has(body.$case) && ++ended === JOBS) break;
  }
  const ids = await submitting;
  await killing;

  const kept = (await eventsSoFar(connection, SET)).map(
    ({ body, messageId }) => `${messageId} ${body.$case} ${body.value.jobId}`,
  );
  assert.deepEqual(watched, kept.slice(0, watched.length), 'the watch has no gap and no repeat');
  const of = (kind: string): string[] =>
    kept.filter((line) => line.includes(` ${kind} `)).map((line) => line.slice(line.lastIndexOf(' ') + 1));
  assert.deepEqual(of('submitted').toSorted(), ids.toSorted(), 'each was submitted once');
  assert.deepEqual(of('succeeded').toSorted(), ids.toSorted(), 'each succeeded once');
  const started = existsSync(starts) ? readFileSync(starts, 'utf8').trim().split('\n') : [];
  assert.deepEqual(started.toSorted(), ids.toSorted(), 'each ran once');
  const listed = await armadactl(address, 'get', 'queues');
  assert.equal(listed.code, 0, listed.stderr);
});
