import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LogNotFound, hasEnded } from '@armada-ts/executor/runtime';
import { sampleLease } from './lease.ts';
import { eventually, until, useProcessWorld } from './process-world.ts';

const world = useProcessWorld();

test('the log has all that was said, however slowly it is written down', async () => {
  const lease = sampleLease('sleep 0.3; echo said; sleep 310 &');
  world.runtime.start(lease);
  const files = path.join(world.directory, 'runs', lease.jobRunId);
  const copier = await eventually(() => processIn(files, 'dd'));
  process.kill(copier, 'SIGSTOP');
  await eventually(() =>
    fs.readdirSync(files, { recursive: true }).find((name) => /\bexit$/.test(String(name))),
  );
  await sleep(300);
  process.kill(copier, 'SIGCONT');
  assert.equal((await world.end(lease)).phase, 'succeeded');
  assert.equal(await world.logOf(lease), 'said\n');
});

test('the log is cut at its limit without disturbing the job', async () => {
  await world.runtime.close();
  await world.open({ logMaxBytes: 100_000 });
  const lease = sampleLease('yes | head -c 5000000; echo end >&2; echo survived >mark');
  world.runtime.start(lease);
  assert.equal((await world.end(lease)).phase, 'succeeded');
  const log = await world.logOf(lease);
  assert.match(log.slice(-80), /\n\[log cut: it reached its limit of 100000 bytes\]\n$/);
  assert.ok(log.length >= 100_000 && log.length < 1_200_000, `${log.length} bytes`);
  assert.equal(
    fs.readFileSync(path.join(world.directory, 'runs', lease.jobRunId, 'work', 'mark'), 'utf8'),
    'survived\n',
  );
});

test('log() follows a run to its end, and starts where it is told', async () => {
  const lease = sampleLease('for i in 1 2 3; do echo $i; sleep 0.1; done');
  world.runtime.start(lease);
  assert.equal(await world.logOf(lease, undefined, 0, true), '1\n2\n3\n');
  assert.equal(await world.logOf(lease, 'main', 2), '2\n3\n');
  assert.equal(await world.logOf(lease, 'main', -2), '3\n');
  await assert.rejects(world.logOf(lease, 'other'), LogNotFound);
  await until(() => hasEnded(world.stateOf(lease.jobRunId)!));
  world.runtime.forget(lease.jobRunId);
  assert.equal(world.runtime.holds(lease.jobRunId), false);
  assert.equal(await world.logOf(lease), '1\n2\n3\n');
});

/** The process of this name whose output goes to a file in the directory. */
function processIn(files: string, name: string): number | undefined {
  return fs
    .readdirSync('/proc')
    .map(Number)
    .find((pid) => pid > 0 && isWriter(pid, name, files));
}

function isWriter(pid: number, name: string, files: string): boolean {
  try {
    const command = fs.readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
    return command === name && fs.readlinkSync(`/proc/${pid}/fd/1`).startsWith(files);
  } catch {
    return false;
  }
}
