// A real executor apart from its server, with a network between them that
// fails: no job is lost, none runs twice, every one ends as it must.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SubmitService } from '@armada-ts/api/api/submit';
import { connect, type JobSetEvent } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { jobItem } from './items.ts';
import { followToEnd, judge } from './judge.ts';
import { armadactl, type Program, type Standalone, startProgram, temporaryDirectory } from './programs.ts';
import { type Proxy, startProxy } from './proxy.ts';
import { type RealJobs, writeRealJobs } from './real-jobs.ts';
import { startServer } from './server.ts';
import { eventsSoFar, eventsUntil, have } from './watching.ts';

const SET = { queue: 'demo', jobSetId: 'faults' };

interface Fleet {
  directory: string;
  server: Standalone;
  proxy: Proxy;
  executor: Program;
  /** SIGKILL, and a new one in its place. */
  restartServer(): Promise<void>;
}

/** A server with an empty queue and an executor that reaches it through the proxy. */
async function startFleet(t: TestContext): Promise<Fleet> {
  const directory = await temporaryDirectory(t);
  const launch = (): Promise<Standalone> => startServer(directory, { auth: standaloneAuth });
  const server = await launch();
  const proxy = await startProxy(server.address);
  const nodes = ['--nodes', '4', '--cpu', '8', '--memory', '16Gi'];
  const data = ['--executor-id', 'apart', '--data', join(directory, 'executor')];
  const executor = startProgram('executor/main.ts', ['--server', proxy.address, ...data, ...nodes]);
  const fleet: Fleet = {
    directory,
    server,
    proxy,
    executor,
    async restartServer() {
      await fleet.server.kill('SIGKILL');
      fleet.server = await launch();
      proxy.target = fleet.server.address;
    },
  };
  t.after(async () => {
    await executor.kill('SIGKILL');
    await proxy.close();
    await fleet.server.kill('SIGKILL');
  });
  await armadactl(server.address, 'create', 'queue', 'demo');
  await executor.line(/leasing from the server/);
  return fleet;
}

async function submitRealJobs({ directory, server }: Fleet, seconds: number): Promise<RealJobs> {
  const jobs = await writeRealJobs(directory, SET.jobSetId, seconds);
  const submitted = await armadactl(server.address, 'submit', jobs.file);
  assert.equal(submitted.code, 0, submitted.stderr);
  return jobs;
}

/** Every job ended once and as it must, and none was started twice. */
async function judgeRealJobs({ server }: Fleet, jobs: RealJobs): Promise<void> {
  judge(await followToEnd(server.address, SET, jobs.expected.size, 60_000), jobs.expected);
  const starts = await jobs.starts();
  const twice = starts.filter((clientId, index) => starts.indexOf(clientId) !== index);
  assert.deepEqual(twice, [], 'ran twice');
}

function atMs({ body }: JobSetEvent): number {
  const { seconds = 0n, nanos = 0 } = body.value.created ?? {};
  return Number(seconds) * 1000 + nanos / 1e6;
}

// Two at a time: they wait more than they work.
describe('an executor and its server', { concurrency: 2 }, () => {
  test('a connection that is cut in the middle of many leases loses none and starts none twice', async (t) => {
    const fleet = await startFleet(t);
    const { proxy } = fleet;
    const cutting = (async () => {
      for (const bytes of [2_000, 5_000, 9_000, 20_000, 40_000]) await proxy.cutAfter(bytes);
    })();
    const jobs = await submitRealJobs(fleet, 1);
    await cutting;
    await judgeRealJobs(fleet, jobs);
    assert.ok(proxy.cuts >= 5);
  });

  test('jobs go on through ten seconds of silence, and what happened then is told with its times', async (t) => {
    const fleet = await startFleet(t);
    const { directory, proxy } = fleet;
    using connection = connect({ address: fleet.server.address });
    const file = (name: string): string => join(directory, name);
    // Its main container starts in the silence, and ends in it.
    const script = `date +%s%3N > ${file('started')}; sleep 2; date +%s%3N > ${file('ended')}`;
    const item = jobItem({ command: ['sh', '-c', script] });
    const [container] = item.podSpecs[0]?.containers ?? [];
    assert.ok(container);
    const waits = `until [ -e ${file('go')} ]; do sleep 0.05; done`;
    const requests = new Map([
      ['cpu', { string: '100m' }],
      ['memory', { string: '16Mi' }],
    ]);
    const resources = { ...container.resources, claims: [], requests, limits: requests };
    const first = { ...container, name: 'first', command: ['sh', '-c', waits], resources };
    item.podSpecs[0]?.initContainers.push(first);
    // This one outlasts it.
    const long = jobItem({ command: ['sh', '-c', `until [ -e ${file('end')} ]; do sleep 0.05; done`] });
    await connection.call(SubmitService.submitJobs, { ...SET, jobRequestItems: [item, long] });
    await eventsUntil(connection, SET, have('running', 1));
    await eventsUntil(connection, SET, have('pending', 2));

    proxy.blackhole();
    await sleep(500);
    await writeFile(file('go'), '');
    await sleep(9_500);
    const silent = await eventsSoFar(connection, SET);
    const resumedAtMs = Date.now();
    proxy.resume();
    assert.ok(!have('succeeded', 1)(silent) && !have('running', 2)(silent), 'nothing was heard');
    await writeFile(file('end'), '');
    const events = await eventsUntil(connection, SET, have('succeeded', 2));
    assert.ok(Date.now() - resumedAtMs < 8_000, 'it is told soon');

    const [startedAtMs, endedAtMs] = await Promise.all(
      ['started', 'ended'].map(async (name) => Number(await readFile(file(name), 'utf8'))),
    );
    assert.ok(startedAtMs && endedAtMs && endedAtMs < resumedAtMs - 1_000, 'it ran in the silence');
    const running = events.filter(({ body }) => body.$case === 'running').at(-1);
    assert.ok(running && Math.abs(atMs(running) - startedAtMs) < 2_000, 'it is told when it started');
    assert.equal(events.filter(({ body }) => body.$case === 'leased').length, 2, 'none was leased anew');
  });

  test('a server that is killed and comes back finds every run where it was', async (t) => {
    const fleet = await startFleet(t);
    const jobs = await submitRealJobs(fleet, 2);
    for (const pauseMs of [300, 900]) {
      await sleep(pauseMs);
      await fleet.restartServer();
    }
    await judgeRealJobs(fleet, jobs);
  });

  test('an executor that stands still for five seconds goes on with everything', async (t) => {
    const fleet = await startFleet(t);
    const jobs = await submitRealJobs(fleet, 1);
    await sleep(600);
    fleet.executor.process.kill('SIGSTOP');
    await sleep(5_000);
    fleet.executor.process.kill('SIGCONT');
    await judgeRealJobs(fleet, jobs);
  });
});
