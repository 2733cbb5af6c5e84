import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test, type TestContext } from 'node:test';
import { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { systemClock } from '../../base/clock.ts';
import { ArmadaError } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import type { ControlChange, Store } from '../store.ts';
import { openSqliteStore, type SqliteOptions } from './open.ts';
import { LAYOUT, openForWriting, settingsOf } from './schema.ts';

async function parentDirectory(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'armada-sqlite-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function open(t: TestContext, directory: string, options: Partial<SqliteOptions> = {}): Promise<Store> {
  const opened = openSqliteStore({
    directory,
    acknowledgement: 'synced',
    clock: systemClock,
    logger: silentLogger,
    ...options,
  });
  t.after(async () => {
    const [store] = await Promise.allSettled([opened]);
    if (store.status === 'fulfilled') await store.value.close();
  });
  return opened;
}

function queue(name: string, record = Buffer.from(name)): ControlChange {
  return { kind: Control_Kind.KIND_QUEUE, name, record };
}

test('openSqliteStore() makes a private directory and nothing outside', async (t) => {
  const parent = await parentDirectory(t);
  const directory = join(parent, 'deep', 'data');
  const store = await open(t, directory);
  assert.equal(store.info.name, `sqlite ${directory}`);
  assert.equal(store.info.partitions, 16);
  assert.equal((await stat(directory)).mode & 0o777, 0o700);
  for (const file of await readdir(directory)) {
    assert.equal((await stat(join(directory, file))).mode & 0o077, 0, file);
  }
  assert.deepEqual(await readdir(parent), ['deep']);
  await store.close();
  assert.deepEqual((await readdir(directory)).toSorted(), ['armada.db', 'lock.db']);
});

test('the secret of a store is its own and lasts, also of one that was made without', async (t) => {
  const directory = join(await parentDirectory(t), 'data');
  const secretIn = async (place: string): Promise<string> => {
    const store = await open(t, place);
    await store.close();
    return Buffer.from(store.servers.secret).toString('hex');
  };
  const secret = await secretIn(directory);
  assert.match(secret, /^[0-9a-f]{64}$/);
  assert.equal(await secretIn(directory), secret);
  assert.notEqual(await secretIn(join(await parentDirectory(t), 'other')), secret);
  const db = openForWriting(join(directory, 'armada.db'), 'local');
  db.exec('DROP TABLE secret');
  db.close();
  const made = await secretIn(directory);
  assert.match(made, /^[0-9a-f]{64}$/);
  assert.equal(await secretIn(directory), made);
});

test('openForWriting() waits for the disk on each commit when synced', async (t) => {
  const directory = await parentDirectory(t);
  for (const [acknowledgement, synchronous] of [
    ['synced', 2],
    ['local', 1],
  ] as const) {
    const db = openForWriting(join(directory, 'x.db'), acknowledgement);
    assert.deepEqual(settingsOf(db), { journalMode: 'wal', synchronous });
    db.close();
  }
});

test('openSqliteStore() refuses what it cannot promise', async (t) => {
  const directory = await parentDirectory(t);
  await assert.rejects(open(t, directory, { acknowledgement: 'replicated' }), {
    code: 'INVALID_REQUEST',
    faults: [
      { field: 'acknowledgement', message: 'must be "synced" or "local" with sqlite, got "replicated"' },
    ],
  });
  assert.deepEqual(await readdir(directory), []);
});

test('openSqliteStore() refuses another number of partitions', async (t) => {
  const directory = await parentDirectory(t);
  await (await open(t, directory, { partitions: 3 })).close();
  await assert.rejects(open(t, directory, { partitions: 4 }), { code: 'INVALID_REQUEST' });
  const store = await open(t, directory);
  assert.equal(store.info.partitions, 3);
});

test('openSqliteStore() refuses data of a newer server and says what to do', async (t) => {
  const directory = await parentDirectory(t);
  await (await open(t, directory)).close();
  const db = new DatabaseSync(join(directory, 'armada.db'));
  db.exec(`UPDATE meta SET value = ${LAYOUT + 1} WHERE key = 'layout'`);
  db.close();
  await assert.rejects(open(t, directory), {
    code: 'UNAVAILABLE',
    message: new RegExp(`layout ${LAYOUT + 1} .* newer`),
  });
});

test('openSqliteStore() lets one server in at a time', async (t) => {
  const directory = await parentDirectory(t);
  const first = await open(t, directory);
  // Twice: a refused server must not loosen the lock of the one inside.
  for (let i = 0; i < 2; i++) {
    await assert.rejects(open(t, directory), { code: 'UNAVAILABLE', message: /another server/ });
  }
  await first.close();
  await open(t, directory);
});

test('openSqliteStore() says which directory it cannot use', async (t) => {
  const directory = await parentDirectory(t);
  await mkdir(join(directory, 'armada.db'));
  await assert.rejects(open(t, directory), { code: 'UNAVAILABLE', message: /armada\.db/ });
});

test('append() and control() are refused as overloaded past the bound, and all accepted ones are done', async (t) => {
  const store = await open(t, await parentDirectory(t), { limits: { queuedBytes: 100_000 } });
  const changes = Array.from({ length: 50 }, (_, i) => queue(`q${i}`, Buffer.alloc(10_000)));
  const results = await Promise.allSettled(changes.map((change) => store.control(change)));
  const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
  // Changes to queues are urgent: they may take twice the bound. Each counts as 1 KiB more than its record.
  assert.equal(refused.length, 32);
  for (const error of refused) {
    assert(error instanceof ArmadaError);
    assert.deepEqual([error.code, error.retryAfterMs], ['OVERLOADED', 500]);
  }
  assert.equal(
    (await store.heads()).reduce((sum, head) => sum + head),
    18,
  );
  assert.equal((await store.control(queue('later'))).outcome, 'applied');
});

test('close() may be called again, and reading afterwards is refused', async (t) => {
  const store = await open(t, await parentDirectory(t));
  await Promise.all([store.close(), store.close()]);
  await assert.rejects(store.read.queues(), { code: 'UNAVAILABLE' });
  await assert.rejects(store.heads(), { code: 'UNAVAILABLE' });
  await assert.rejects(store.lead({ serverId: 'a', after: 0 }), { code: 'UNAVAILABLE' });
});
