import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { followToEnd, judge } from './judge.ts';
import { armadactl, startProgram, startStandalone, temporaryDirectory } from './programs.ts';
import { writeRealJobs } from './real-jobs.ts';

const NODES = ['--nodes', '4', '--cpu', '8', '--memory', '16Gi'];

test('npm start killed in the middle of a job set and started again loses nothing and runs nothing twice', async (t) => {
  const directory = await temporaryDirectory(t);
  const data = `${directory}/data`;
  let server = await startStandalone(data, NODES);
  t.after(() => server.kill('SIGKILL'));
  const jobs = await writeRealJobs(directory, 'crash', 2);
  await armadactl(server.address, 'create', 'queue', 'demo');
  assert.equal((await armadactl(server.address, 'submit', jobs.file)).code, 0);

  // Four deaths at moments that differ: while leasing, while running, while recovering.
  for (const pauseMs of [150, 700, 400, 1500]) {
    await sleep(pauseMs);
    await server.kill('SIGKILL');
    server = await startStandalone(data, NODES);
  }
  const histories = await followToEnd(server.address, { queue: 'demo', jobSetId: 'crash' }, 200, 90_000);
  judge(histories, jobs.expected);
  const starts = await jobs.starts();
  const twice = starts.filter((clientId, index) => starts.indexOf(clientId) !== index);
  assert.deepEqual(twice, [], 'ran twice');
});

test('an executor killed on its own finds its runs again', async (t) => {
  const directory = await temporaryDirectory(t);
  const server = await startStandalone(`${directory}/data`, ['--nodes', '0']);
  t.after(() => server.kill('SIGKILL'));
  const args = [
    '--server',
    server.address,
    '--executor-id',
    'apart',
    '--data',
    `${directory}/executor`,
    ...NODES,
  ];
  let executor = startProgram('executor/main.ts', args);
  t.after(() => executor.kill('SIGKILL'));
  const jobs = await writeRealJobs(directory, 'apart', 2);
  await armadactl(server.address, 'create', 'queue', 'demo');
  assert.equal((await armadactl(server.address, 'submit', jobs.file)).code, 0);

  for (const pauseMs of [800, 900, 1500]) {
    await sleep(pauseMs);
    await executor.kill('SIGKILL');
    executor = startProgram('executor/main.ts', args);
  }
  const histories = await followToEnd(server.address, { queue: 'demo', jobSetId: 'apart' }, 200, 90_000);
  judge(histories, jobs.expected);
  const starts = await jobs.starts();
  const twice = starts.filter((clientId, index) => starts.indexOf(clientId) !== index);
  assert.deepEqual(twice, [], 'ran twice');
});
