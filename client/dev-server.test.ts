import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { type DevServer, type DevServerOptions, startDevServer } from './dev-server.ts';
import { submitJob } from './job.ts';
import { createQueue, deleteQueue, getQueue } from './queues.ts';
import { watchJobSet } from './events.ts';

/** Closed also after a test that took too long: a server that is left open would keep the test file from ending. */
async function startServer(t: TestContext, options?: DevServerOptions): Promise<DevServer> {
  const server = await startDevServer(options);
  t.after(() => server.close());
  return server;
}

const signals = ['SIGINT', 'SIGTERM', 'uncaughtException', 'unhandledRejection'] as const;

test('startDevServer() starts servers that know nothing of each other, and leaves nothing behind', {
  timeout: 60_000,
}, async (t) => {
  const listeners = () => signals.map((name) => process.listenerCount(name));
  const before = listeners();
  const first = await startServer(t);
  const second = await startServer(t, { runtime: 'simulated' });
  await createQueue(first.connection, { name: 'demo' });
  assert.equal((await getQueue(first.connection, 'demo')).name, 'demo');
  await assert.rejects(getQueue(second.connection, 'demo'), { code: 'NOT_FOUND' });
  assert.deepEqual(listeners(), before);
  await Promise.all([first.close(), second.close(), first.close()]);
  await assert.rejects(getQueue(first.connection, 'demo'), { code: 'CANCELLED' });
});

test('startDevServer() simulates runs as it is told', { timeout: 60_000 }, async (t) => {
  const server = await startServer(t, {
    runtime: 'simulated',
    simulated: { minRunMs: 1, meanRunMs: 1, maxRunMs: 1, failureRatio: 1 },
  });
  await createQueue(server.connection, { name: 'demo' });
  const job = await submitJob(server.connection, {
    queue: 'demo',
    command: ['never', 'run'],
    image: 'busybox',
  });
  const result = await job.result();
  assert.deepEqual([result.state, result.exitCode], ['failed', 1]);
  await assert.rejects(startDevServer({ settings: { grpc: { prot: 1 } } }), /grpc\.prot: is no setting/);
});

test('close() ends what still runs and removes what was kept, and then the process ends by itself', {
  timeout: 60_000,
}, async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'armada-dev-test-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const here = (file: string) => JSON.stringify(new URL(file, import.meta.url).href);
  const program = join(directory, 'program.ts');
  await writeFile(
    program,
    `import { startDevServer } from ${here('./dev-server.ts')};
import { submitJob } from ${here('./job.ts')};
import { createQueue } from ${here('./queues.ts')};
const server = await startDevServer();
await createQueue(server.connection, { name: 'demo' });
const job = await submitJob(server.connection, { queue: 'demo', command: ['sh', '-c', 'echo $$$$; exec sleep 60'] });
for await (const { data } of job.logs()) {
  console.log(Buffer.from(data).toString().trim());
  break;
}
await server.close();
`,
  );
  const env = { ...process.env, TMPDIR: directory };
  const args = ['--conditions=source', program];
  const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 50_000 });
  const pid = Number(stdout);
  assert.ok(pid > 1, stdout);
  assert.throws(() => process.kill(pid, 0), { code: 'ESRCH' });
  assert.deepEqual(await readdir(directory), ['program.ts']);
});

test('a watch of a queue that is deleted ends, and another does not begin', {
  timeout: 60_000,
}, async (t) => {
  const server = await startServer(t, { runtime: 'simulated' });
  const place = { queue: 'demo', jobSetId: 'set' };
  await createQueue(server.connection, { name: 'demo' });
  await (await submitJob(server.connection, { ...place, command: ['true'] })).result();
  const watch = () => watchJobSet(server.connection, place);
  const reading = watch();
  await reading.next();
  await deleteQueue(server.connection, 'demo');
  const gone = { code: 'NOT_FOUND', reason: 'QUEUE_NOT_FOUND' };
  await assert.rejects(async () => {
    for await (const { body } of reading) assert.equal(body.value.queue, 'demo');
  }, gone);
  await assert.rejects(watch().next(), gone);
});
