import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { changeBatch, queueChange, submitBatch, submitJobs } from './builders.ts';
import { applied } from './compare.ts';
import { createSteppedClock, openPlace } from './engine.ts';
import { engine } from './sqlite.engine.ts';
import { assertWhole } from './whole.ts';

const CHILD = fileURLToPath(new URL('./full-disk-child.ts', import.meta.url));

test('a full disk refuses appends as unavailable, and takes nothing that was acknowledged', async (t) => {
  const { place, reopen } = await openPlace(engine, t);
  // Writing past the limit then fails as it does on a full disk, instead of killing the process.
  const script = `trap '' XFSZ; ulimit -f 6000; exec "$0" "$@"`;
  const flags = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
  const parameters = ['-c', script, process.execPath, ...flags, CHILD, engine.module, place];
  const { stdout } = await promisify(execFile)('sh', parameters, { timeout: 60_000 });
  const { code, message, queued } = JSON.parse(stdout) as { code: string; message: string; queued: number };
  assert.equal(code, 'UNAVAILABLE');
  assert.match(message, /^the store could not write: (disk I\/O error|database or disk is full)/);
  assert(queued > 0);

  const store = await reopen();
  await assertWhole(store);
  assert.equal((await store.read.jobSet('queue', 'set'))?.queued, queued);
  await applied(store, submitJobs(5));
});

test('the bytes of the log are those of its entries', async (t) => {
  const { place, reopen } = await openPlace(engine, t, { partitions: 2 });
  const store = await reopen();
  await store.control(queueChange('queue'));
  for (let i = 0; i < 60; i++) {
    const { jobs } = await applied(store, submitJobs(1 + (i % 20)));
    await applied(store, changeBatch(jobs, 'lease'));
  }
  const retention = { eventsMs: 1e9, recordsMs: 1e9, logMs: 1e9, logBytes: 6000 };
  while (await store.trim(Date.now(), retention)) t.signal.throwIfAborted();
  await store.close();

  const db = new DatabaseSync(join(place, 'armada.db'), { readOnly: true });
  t.after(() => db.close());
  const [{ counted, kept } = {}] = db
    .prepare(
      `SELECT (SELECT sum(log_bytes) FROM partition) AS counted,
              (SELECT sum(length(jobs) + length(entry)) FROM log) AS kept`,
    )
    .all();
  assert.equal(counted, kept);
  assert(Number(counted) > 3000 && Number(counted) <= 6000, `${String(counted)} bytes`);
});

test('retention leaves no row of a job behind', async (t) => {
  const clock = createSteppedClock(1_800_000_000_000);
  const { place, reopen } = await openPlace(engine, t, { clock });
  const store = await reopen();
  await store.control(queueChange('queue'));
  const jobs = [{ clientId: 'a', schedulingClass: 'small' }, { schedulingClass: 'large' }, {}];
  const submitted = await applied(store, submitBatch(jobs));
  const leased = await applied(store, changeBatch(submitted.jobs, 'lease'));
  for (const { record } of leased.jobs) if (record) record.schedulingClass = 'small';
  const running = await applied(store, changeBatch(leased.jobs, 'run'));
  await applied(store, changeBatch(running.jobs, 'succeed', { atMs: clock.now() }));
  await store.control({ ...queueChange('queue'), record: null });
  clock.step(1000);
  while (await store.trim(clock.now(), { eventsMs: 1, recordsMs: 1, logMs: 1, logBytes: 1e9 }))
    t.signal.throwIfAborted();
  await store.close();

  const db = new DatabaseSync(join(place, 'armada.db'), { readOnly: true });
  t.after(() => db.close());
  const tables = db.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").all();
  const full = tables.filter(({ name }) => db.prepare(`SELECT 1 FROM "${String(name)}"`).get() !== undefined);
  assert.deepEqual(full.map(({ name }) => String(name)).toSorted(), ['meta', 'partition', 'secret']);
});
