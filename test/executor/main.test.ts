import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { JobState } from '@armada-ts/api/api/job';
import { sampleLease } from './lease.ts';
import { startSampleServer } from './server.ts';

const LAUNCHER = fileURLToPath(new URL('../../executor/bin/armada-executor', import.meta.url));

function launch(args: string[]): ChildProcess {
  return spawn(LAUNCHER, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !isSo(); ) {
    assert.ok(Date.now() < end, 'it did not happen within 10 s');
    await sleep(5);
  }
}

test('armada-executor leaves runs running when it is stopped or killed, and finds them again', async () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'armada-main-'));
  const server = await startSampleServer();
  const args = [
    '--server',
    server.address,
    '--executor-id',
    'e',
    '--data',
    directory,
    '--log-level',
    'silent',
  ];
  const lease = sampleLease(
    `until [ -e ${directory}/go ]; do sleep 0.05; done; echo ran >>${directory}/marks; exit 5`,
  );
  let executor = launch(args);
  try {
    await until(() => server.requests.length > 0);
    server.lease(lease);
    await until(() => server.events.some(({ event }) => event?.$case === 'jobRunRunning'));
    executor.kill('SIGTERM');
    assert.deepEqual(await once(executor, 'exit'), [0, null]);
    server.requests.length = 0;
    executor = launch(args);
    await until(() => server.requests.length > 0);
    assert.equal(server.requests.at(-1)?.nodes[0]?.runIdsByState.get(lease.jobRunId), JobState.RUNNING);
    executor.kill('SIGKILL');
    await once(executor, 'exit');
    fs.writeFileSync(path.join(directory, 'go'), '');
    executor = launch(args);
    await until(() => server.events.some(({ event }) => event?.$case === 'jobRunErrors'));
    const error = server.events.find(({ event }) => event?.$case === 'jobRunErrors')?.event;
    assert.ok(error?.$case === 'jobRunErrors' && error.value.errors[0]?.reason?.$case === 'podError');
    assert.equal(error.value.errors[0].reason.value.containerErrors[0]?.exitCode, 5);
    assert.equal(fs.readFileSync(path.join(directory, 'marks'), 'utf8'), 'ran\n');
  } finally {
    executor.kill('SIGTERM');
    await once(executor, 'exit');
    server.kill();
    fs.rmSync(directory, { recursive: true, force: true });
  }
});

test('armada-executor says what is wrong with its settings and exits with 2', async () => {
  const executor = launch(['--cpu', 'many']);
  let text = '';
  executor.stderr?.on('data', (data: Buffer) => (text += data.toString()));
  assert.deepEqual(await once(executor, 'close'), [2, null]);
  assert.equal(text, 'armada-executor: nodes.0.cpu: must be a quantity above 0, such as 4, 500m or 8Gi\n');
});
