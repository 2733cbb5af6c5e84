// Stopping and starting: what SIGTERM means, and what keeps a server from starting.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventService, type EventStreamMessage } from '@armada-ts/api/api/event';
import { SubmitService } from '@armada-ts/api/api/submit';
import { connect, createQueue } from '@armada-ts/client';
import { toClientError } from '@armada-ts/client/errors';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { type AnyMethod, call, type Outcome } from './calls.ts';
import { jobItem } from './items.ts';
import { listening, startProgram, startStandalone, temporaryDirectory } from './programs.ts';
import { writeSettings } from './server.ts';
import { eventsSoFar, eventsUntil, have, idsWith } from './watching.ts';

const directory = await temporaryDirectory({ after });
const SET = { queue: 'demo', jobSetId: 'stop' };
/** Room for the job that runs; what is submitted besides waits. */
const NODE = ['--nodes', '1', '--cpu', '1', '--memory', '1Gi'];

/** A watch that is not resumed by itself. */
interface Watch {
  ids: string[];
  /** Resolves when it has ended, with what ended it. */
  ended: Promise<unknown>;
}

function openWatch(client: Client, fromMessageId: string): Watch {
  const { path, requestSerialize, responseDeserialize } = EventService.getJobSetEvents;
  const request = { queue: SET.queue, id: SET.jobSetId, watch: true, fromMessageId, errorIfMissing: false };
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    new Metadata(),
  );
  const ids: string[] = [];
  stream.on('data', ({ id }: EventStreamMessage) => ids.push(id));
  const ended = once(stream, 'end').then(
    () => undefined,
    (error: unknown) => error,
  );
  return { ids, ended };
}

/** Submits one job after the other until that is refused. */
async function keepSubmitting(client: Client, name: string, outcomes: Map<string, Outcome>): Promise<void> {
  for (let i = 0; ; i++) {
    const clientId = `${name}-${i}`;
    const request = { queue: 'waiting', jobSetId: 'stop', jobRequestItems: [jobItem({ clientId })] };
    const outcome = await call(client, SubmitService.submitJobs as AnyMethod, request);
    outcomes.set(clientId, outcome);
    if (outcome.code !== 'OK') return;
  }
}

/** What GET /health says again and again until the signal: its status, or 0 when nothing listens. */
async function healthsUntil(url: string, stopped: AbortSignal): Promise<number[]> {
  const healths: number[] = [];
  while (!stopped.aborted) {
    healths.push(
      await fetch(`${url}/health`).then(
        (answer) => answer.status,
        () => 0,
      ),
    );
    await sleep(5);
  }
  return healths;
}

test('SIGTERM answers what it has taken, ends streams so that they resume, and leaves jobs running', async (t) => {
  const data = join(directory, 'stop');
  const traces = join(directory, 'traces');
  await writeFile(traces, '');
  const first = await startStandalone(data, NODE);
  t.after(() => first.kill('SIGKILL'));
  const client = new Client(first.address, credentials.createInsecure());
  const connection = connect({ address: first.address });
  await createQueue(connection, { name: 'demo' });
  await createQueue(connection, { name: 'waiting', cordoned: true });
  const command = ['sh', '-c', `echo started >> ${traces}; sleep 2.5; echo ended >> ${traces}`];
  const request = { ...SET, jobRequestItems: [jobItem({ command })] };
  await connection.call(SubmitService.submitJobs, request);
  const [jobId = ''] = idsWith('running', await eventsUntil(connection, SET, have('running', 1)));
  connection.close();

  const watch = openWatch(client, '');
  const outcomes = new Map<string, Outcome>();
  const submitting = Array.from({ length: 8 }, (_, n) => keepSubmitting(client, `${n}`, outcomes));
  await sleep(200);
  const stopped = new AbortController();
  const healths = healthsUntil(first.url, stopped.signal);
  await sleep(20);
  const beganMs = performance.now();
  assert.equal(await first.kill('SIGTERM'), 0, first.lines.join('\n'));
  const tookMs = performance.now() - beganMs;
  assert.ok(tookMs < 4_000, `stopping took ${tookMs} ms`);
  assert.deepEqual(
    first.lines.filter((line) => /error|warn|    at /i.test(line)),
    [],
  );

  stopped.abort();
  const seen = await healths;
  assert.equal(seen[0], 204);
  const down = seen.findIndex((health) => health !== 204);
  assert.ok(down > 0 && seen.slice(down).every((health) => health === 503 || health === 0), seen.join());

  const broken = toClientError(await watch.ended);
  assert.equal(broken.code, 'UNAVAILABLE');
  assert.match(broken.message, /the server is stopping; connect again and go on from the last message/);
  assert.ok(broken.retryAfterMs !== undefined);
  await Promise.all(submitting);
  client.close();
  for (const [clientId, { code, error }] of outcomes)
    assert.ok(code === 'OK' || code === 'UNAVAILABLE', `${clientId}: ${code} ${error?.message}`);

  const second = await startStandalone(data, NODE);
  t.after(() => second.kill('SIGKILL'));
  using again = connect({ address: second.address });
  const accepted = await eventsSoFar(again, { queue: 'waiting', jobSetId: 'stop' });
  const kept = accepted.flatMap(({ body }) =>
    body.$case === 'submitted' ? (body.value.job?.clientId ?? '') : [],
  );
  const answered = [...outcomes].filter(([, { code }]) => code === 'OK').map(([clientId]) => clientId);
  assert.ok(answered.length > 8);
  assert.deepEqual(kept.sort(), answered.sort(), 'what was answered is kept, and what was kept was answered');

  const later = new Client(second.address, credentials.createInsecure());
  const resumed = openWatch(later, watch.ids.at(-1) ?? '');
  const events = await eventsUntil(again, SET, have('succeeded', [jobId]));
  const all = events.map(({ messageId }) => messageId);
  while (resumed.ids.length + watch.ids.length < all.length) await sleep(5);
  later.close();
  assert.deepEqual([...watch.ids, ...resumed.ids], all, 'neither a gap nor a repeat');
  assert.deepEqual(
    events.map(({ body }) => body.$case),
    ['submitted', 'queued', 'leased', 'pending', 'running', 'succeeded'],
  );
  assert.equal(await readFile(traces, 'utf8'), 'started\nended\n', 'the job ran once, through the restart');

  await secondStartIsRefused(data);
  assert.equal((await fetch(`${second.url}/health`)).status, 204, 'the first is not disturbed');
  assert.equal(await second.kill('SIGINT'), 0);
});

/** While a server runs on it. */
async function secondStartIsRefused(data: string): Promise<void> {
  const free = ['--grpc-port', '0', '--http-port', '0'];
  const server = await endOf('server/standalone.ts', ['--data', data, ...free]);
  assert.equal(server.code, 1);
  assert.match(
    server.text,
    /^armada: another server is using the data directory \S+; stop it, or choose another directory$/,
  );
  const executor = await endOf('executor/main.ts', ['--data', join(data, 'executor')]);
  assert.equal(executor.code, 2);
  assert.match(executor.text, /^armada-executor: .* another executor uses this data directory$/);
}

/** For programs that hang: on a busy machine ending alone takes many seconds of waiting for a core. */
const MAX_RUN_MS = 120_000;

/** Runs a program that must end by itself. */
async function endOf(
  main: string,
  args: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; text: string }> {
  const program = startProgram(main, args, env);
  const timer = setTimeout(() => program.process.kill('SIGKILL'), MAX_RUN_MS);
  await once(program.process, 'close');
  clearTimeout(timer);
  return { code: program.process.exitCode, text: program.lines.join('\n') };
}

test('a configuration that cannot be used is told in one line, without a stack', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  t.after(() => taken.close());
  const address = taken.address();
  const port = typeof address === 'object' ? String(address?.port) : '';
  const file = join(directory, 'a-file');
  await writeFile(file, '');
  await mkdir(join(directory, 'settings'));
  const settings = await writeSettings(join(directory, 'settings'), { grcp: { port: 1 } });
  const cases: { args?: string[]; env?: NodeJS.ProcessEnv; data?: string; says: RegExp; code: number }[] = [
    { args: ['--config', settings], says: /grcp: is no setting/, code: 2 },
    { args: ['--config', `${settings}.bak`], says: /cannot read \S+settings\.yaml\.bak: ENOENT/, code: 2 },
    {
      args: ['--grpc-port', port],
      says: /grpc\.port: cannot listen on 127\.0\.0\.1:\d+: .*address already in use/,
      code: 2,
    },
    { args: ['--http-port', port], says: /http\.port: .*address already in use/, code: 2 },
    { args: ['--cpu', 'many'], says: /--cpu: must be a quantity/, code: 2 },
    { args: ['--port', '1'], says: /Unknown option '--port'/, code: 2 },
    { env: { ARMADA_HOST: '0.0.0.0' }, says: /host: must be a loopback address, got 0\.0\.0\.0/, code: 2 },
    {
      env: { ARMADA_STORE_ACKNOWLEDGEMENT: 'replicated' },
      says: /the sqlite store cannot replicate/,
      code: 2,
    },
    { data: file, says: /cannot use the data directory \S+: ENOTDIR/, code: 1 },
  ];
  await Promise.all(
    cases.map(async ({ args = [], env, data, says, code }, index) => {
      const free = ['--grpc-port', '0', '--http-port', '0'];
      const all = ['--data', data ?? join(directory, `unusable-${index}`), ...free, ...args];
      const end = await endOf('server/standalone.ts', all, env);
      assert.match(end.text, new RegExp(`^armada: ${says.source}.*$`));
      assert.equal(end.code, code, end.text);
    }),
  );
  const server = await endOf('server/main.ts', []);
  assert.match(server.text, /^armada-server: auth: must be there .*$/);
  assert.equal(server.code, 2);
});

test('nothing is made outside the data directory', async (t) => {
  const place = join(directory, 'place');
  const homes = { HOME: join(place, 'home'), TMPDIR: join(place, 'temporary') };
  const workingDirectory = join(place, 'working');
  for (const path of [...Object.values(homes), workingDirectory]) await mkdir(path, { recursive: true });
  const before = await readdir(place, { recursive: true });
  const data = join(directory, 'only-here');
  const args = ['--data', data, '--grpc-port', '0', '--http-port', '0', ...NODE];
  const env = { ...homes, XDG_CACHE_HOME: undefined, XDG_CONFIG_HOME: undefined, XDG_DATA_HOME: undefined };
  const server = await listening(startProgram('server/standalone.ts', args, env, workingDirectory));
  t.after(() => server.kill('SIGKILL'));
  using connection = connect({ address: server.address });
  await createQueue(connection, { name: 'demo' });
  const item = jobItem({ command: ['sh', '-c', 'echo here > file; pwd'] });
  await connection.call(SubmitService.submitJobs, { ...SET, jobRequestItems: [item] });
  await eventsUntil(connection, SET, have('succeeded', 1));
  assert.equal(await server.kill('SIGTERM'), 0);
  assert.deepEqual(await readdir(place, { recursive: true }), before);
  assert.deepEqual((await readdir(data)).sort(), ['executor', 'operator', 'server']);
});
