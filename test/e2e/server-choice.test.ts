// Clients and executors that know several servers: the one in use is killed,
// stopped or started elsewhere, and everything goes on with the next.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ArmadaClientError,
  connect,
  createQueue,
  getQueue,
  submitJobs,
  watchJobSet,
} from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { freePort } from '../free-port.ts';
import { jobItem } from './items.ts';
import { armadactl, type Standalone, startProgram, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';

async function start(t: TestContext, directory: string, port = 0): Promise<Standalone> {
  const server = await startServer(directory, { auth: standaloneAuth, grpc: { port } });
  t.after(() => server.kill('SIGKILL'));
  return server;
}

/** Two servers with nothing in common but a queue of the same name, whose priority factor tells who answered. */
async function startTwo(t: TestContext): Promise<[Standalone, Standalone]> {
  const directory = await temporaryDirectory(t);
  const servers = await Promise.all([1, 2].map((n) => start(t, join(directory, String(n)))));
  for (const [index, { address }] of servers.entries()) {
    using connection = connect({ address });
    await createQueue(connection, { name: 'demo', priorityFactor: index + 1 });
  }
  const [one, two] = servers;
  assert.ok(one && two);
  return [one, two];
}

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !isSo(); await sleep(1)) {
    assert.ok(Date.now() < end, 'it did not happen within 10 s');
  }
}

async function elapsedMs(work: Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work;
  return performance.now() - beganMs;
}

// Two at a time: they wait more than they work.
describe('clients and executors that know several servers', { concurrency: 2 }, () => {
  test('when the server in use is killed, calls on their way are one retry, and armadactl asks whoever is there', async (t) => {
    const [one, two] = await startTwo(t);
    const address = `127.0.0.1:1,${one.address},${two.address}`;
    using connection = connect({ address });
    using idle = connect({ address });
    const answerer = async (by = connection): Promise<number> => (await getQueue(by, 'demo')).priorityFactor;
    const firstMs = await elapsedMs(answerer());
    assert.equal(await answerer(idle), 1);
    const answers: number[] = [];
    let longestMs = 0;
    let isOver = false;
    const askers = Array.from({ length: 20 }, async () => {
      while (!isOver) {
        const tookMs = await elapsedMs(answerer().then((answer) => answers.push(answer)));
        longestMs = Math.max(longestMs, tookMs);
      }
    });
    await until(() => answers.length > 200);
    await one.kill('SIGKILL');
    await until(() => answers.filter((answer) => answer === 2).length > 200);
    isOver = true;
    await Promise.all(askers);
    const nextMs = await elapsedMs(answerer(idle));
    assert.equal(await answerer(idle), 2);
    const measured = [firstMs, longestMs, nextMs].map((ms) => `${ms.toFixed()} ms`);
    t.diagnostic(
      `first call, longest of those on their way at a SIGKILL, next call after it: ${measured.join(', ')}`,
    );
    assert.ok(longestMs < 3_000 && nextMs < 1_000, measured.join(', '));

    const got = await armadactl(address, 'get', 'queue', 'demo');
    assert.deepEqual([got.code, got.stderr], [0, '']);
    await two.kill('SIGKILL');
    const nobody = await armadactl(address, 'get', 'queue', 'demo');
    assert.equal(nobody.code, 5);
    const refused =
      /^error: cannot reach any server: (127\.0\.0\.1:\d+ \(connect ECONNREFUSED [\d.:]+\)(, |\n)){3}/;
    assert.match(nobody.stderr, refused);
  });

  test('a server that stands still is noticed, during a call as well as between calls', async (t) => {
    const [one, two] = await startTwo(t);
    const address = `${one.address},${two.address}`;
    using connection = connect({ address, keepAliveTimeMs: 1_000, keepAliveTimeoutMs: 1_000 });
    using patient = connect({ address });
    const answerer = async (): Promise<number> => (await getQueue(connection, 'demo')).priorityFactor;
    assert.equal(await answerer(), 1);
    assert.equal((await getQueue(patient, 'demo')).priorityFactor, 1);
    one.process.kill('SIGSTOP');
    try {
      const duringMs = await elapsedMs(answerer());
      assert.equal(await answerer(), 2);
      assert.ok(duringMs < 6_000, `${duringMs} ms`);
      // Whoever comes anew is not held up.
      const anewMs = await elapsedMs(armadactl(address, 'get', 'queue', 'demo'));
      t.diagnostic(
        `after SIGSTOP: ${duringMs.toFixed()} ms with pings each second, armadactl ${anewMs.toFixed()} ms`,
      );
      await assert.rejects(getQueue(patient, 'demo', { timeoutMs: 500, retryForMs: 0 }), {
        code: 'DEADLINE_EXCEEDED',
      });
      assert.equal(
        (await getQueue(patient, 'demo')).priorityFactor,
        2,
        'who was late once is not asked again',
      );
    } finally {
      one.process.kill('SIGCONT');
    }
  });

  test('watch and submission go on, without gap and without repeat, at a server on another of the addresses', async (t) => {
    const directory = await temporaryDirectory(t);
    const ports = [await freePort(), await freePort(), await freePort()];
    const address = ports.map((port) => `127.0.0.1:${port}`).join(',');
    let server = await start(t, directory, ports[0]);
    using connection = connect({ address });
    await createQueue(connection, { name: 'demo' });
    const set = { queue: 'demo', jobSetId: 'moved' };
    const items = Array.from({ length: 3_000 }, (_, n) => jobItem({ clientId: `item-${n}` }));
    const submitting = (async () => {
      const ids = new Set<string>();
      for await (const { jobId } of submitJobs(connection, { ...set, items }, { maxBatchItems: 50 }))
        ids.add(jobId);
      return ids;
    })();
    let moves = 0;
    const ids: string[] = [];
    const seen = new Set<string>();
    const signal = AbortSignal.timeout(60_000);
    for await (const { body, messageId } of watchJobSet(connection, { ...set, signal })) {
      assert.ok(!seen.has(messageId), 'an event came twice');
      seen.add(messageId);
      if (body.$case === 'submitted') ids.push(body.value.jobId);
      if (ids.length === items.length) break;
      if (body.$case === 'submitted' && moves < 2 && ids.length === 500 * (moves + 1)) {
        moves += 1;
        await server.kill('SIGKILL');
        server = await start(t, directory, ports[moves]);
      }
    }
    const submitted = await submitting;
    assert.equal(submitted.size, items.length);
    assert.deepEqual(new Set(ids), submitted);
    assert.equal(ids.length, items.length, 'each once');
  });

  test('an executor leaves a server that stands still, and one that is stopped', async (t) => {
    const both = await startTwo(t);
    const servers = both.map(({ address }) => address).join(',');
    const data = join(await temporaryDirectory(t), 'executor');
    const executor = startProgram('executor/main.ts', [
      '--server',
      servers,
      '--runtime',
      'simulated',
      '--data',
      data,
    ]);
    t.after(() => executor.kill('SIGKILL'));
    const leasesFrom = ({ address }: Standalone): Promise<unknown> =>
      executor.line(new RegExp(`${address}.*leasing from the server`));
    // Mostly the one named first, unless that was slow to answer.
    const [, first] = await executor.line(/"server":"([^",]+)".*leasing from the server/);
    const [one, two] = first === both[0].address ? both : ([both[1], both[0]] as const);
    one.process.kill('SIGSTOP');
    const stoppedMs = await elapsedMs(leasesFrom(two));
    one.process.kill('SIGCONT');
    executor.lines.length = 0;
    const ended = two.kill('SIGTERM');
    const endedMs = await elapsedMs(leasesFrom(one));
    await ended;
    t.diagnostic(
      `leasing elsewhere ${stoppedMs.toFixed()} ms after SIGSTOP, ${endedMs.toFixed()} ms after SIGTERM`,
    );
    assert.ok(stoppedMs < 14_000, `${stoppedMs} ms`);
    assert.ok(endedMs < 4_000, `${endedMs} ms`);
  });

  test('addresses that cannot be meant are refused before anything is sent', () => {
    for (const [address, message] of [
      ['localhost:50051,', /^address: an address between the commas is empty/],
      ['localhost', /^address: must be host:port/],
    ] as const) {
      assert.throws(
        () => connect({ address }),
        (error) =>
          error instanceof ArmadaClientError &&
          error.code === 'INVALID_ARGUMENT' &&
          message.test(error.message),
      );
    }
  });
});
