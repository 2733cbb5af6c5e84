// Migrations that must not happen, and one that was killed: what is said, how the
// program ends, and that nothing has changed.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test, type TestContext } from 'node:test';
import { connect, createQueue } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { queueChange, submitBatch } from '../store/builders.ts';
import { engine as redisEngine, sharedRedis } from '../store/redis.engine.ts';
import { redisCli } from '../store/redis.servers.ts';
import { engine as sqliteEngine } from '../store/sqlite.engine.ts';
import { submitItems } from './deployment.ts';
import { jobItem } from './items.ts';
import { checkStore, migrate, startMigration } from './migrating.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { eventsSoFar } from './watching.ts';

const SET = { queue: 'q', jobSetId: 'set' };

async function start(t: TestContext, directory: string, url: string): Promise<Standalone> {
  const server = await startServer(directory, { auth: standaloneAuth, store: { url } });
  t.after(() => server.kill('SIGKILL'));
  return server;
}

/** A server with jobs that nobody runs. */
async function startWithJobs(t: TestContext, directory: string, url: string): Promise<Standalone> {
  const server = await start(t, directory, url);
  using connection = connect({ address: server.address });
  await createQueue(connection, { name: SET.queue });
  for (let request = 0; request < 3; request++) {
    const items = Array.from({ length: 1000 }, (_, i) => jobItem({ clientId: `${request}-${i}` }));
    await submitItems(connection, SET, items);
  }
  return server;
}

test('URLs that are none end it with 2, and without a word of what is secret', async (t) => {
  const directory = await temporaryDirectory(t);
  const source = `sqlite:${directory}`;
  for (const [from, to] of [
    ['mysql://u:secret@host', source],
    [source, 'http://u:secret@host'],
    ['redis://u:sec@ret@host', `sqlite:${join(directory, 'new')}`],
    [source, 'redis://u:x/secret@host:6379'],
    [source, 'redis+sentinel://u:secret@host'],
  ] as const) {
    const { code, text } = await migrate(from, to);
    assert.match(text, /must (be|have|name)/);
    assert.ok(!/sec|ret/.test(text), text);
    assert.equal(code, 2, text);
  }
});

test('a server that nobody answers for is told without its password', async (t) => {
  const directory = await temporaryDirectory(t);
  const { code, text } = await migrate('redis://u:secret@127.0.0.1:1/3', `sqlite:${join(directory, 'new')}`);
  assert.equal(code, 1);
  assert.match(text, /cannot connect to Redis/);
  assert.ok(!text.includes('secret'), text);
  assert.ok(!existsSync(join(directory, 'new')));
});

test('a deployment that runs is not copied, and a place that has a store is left as it is', async (t) => {
  const directory = await temporaryDirectory(t);
  const [here, there] = [`sqlite:${join(directory, 'here')}`, await redisEngine.createPlace()];
  const target = `sqlite:${join(directory, 'target')}`;
  const onSqlite = await startWithJobs(t, join(directory, 'one'), here);
  const onRedis = await startWithJobs(t, join(directory, 'two'), there);

  const ofSqlite = await migrate(here, target);
  assert.match(ofSqlite.text, /another server is using the data directory/);
  const ofRedis = await migrate(there, target);
  assert.match(ofRedis.text, /a server is using redis .*; stop every server/);
  assert.deepEqual([ofSqlite.code, ofRedis.code], [1, 1]);
  assert.ok(!existsSync(join(directory, 'target')));

  await onSqlite.kill('SIGTERM');
  const toRedis = await migrate(here, there);
  assert.match(toRedis.text, /there is a store at redis .* already; choose another prefix/);
  await onRedis.kill('SIGTERM');
  const toSqlite = await migrate(there, here);
  assert.match(toSqlite.text, /there is a store in .* already; choose another directory/);
  assert.deepEqual([toRedis.code, toSqlite.code], [1, 1]);
  for (const url of [here, there]) {
    const server = await start(t, directory, url);
    using connection = connect({ address: server.address });
    assert.equal((await eventsSoFar(connection, SET)).length, 6000);
    await server.kill('SIGTERM');
  }
});

test('a migration that was killed is no store, and goes well when it is run again', async (t) => {
  const directory = await temporaryDirectory(t);
  const data = join(directory, 'data');
  const source = await startWithJobs(t, directory, `sqlite:${data}`);
  // Its server did not end well either.
  await source.kill('SIGKILL');
  const home = join(directory, 'home');
  const redis = await redisEngine.createPlace();
  const prefix = new URL(redis).searchParams.get('prefix') ?? '';
  const { port } = await sharedRedis();
  const hasBegun = {
    [`sqlite:${home}`]: async () => existsSync(join(home, 'incoming.db')),
    [redis]: async () => (await redisCli(port, 'hget', `${prefix}{0}:store`, 'layout')).trim() === '0',
  };
  for (const [place, begun] of Object.entries(hasBegun)) {
    const migration = startMigration(`sqlite:${data}`, place);
    t.after(() => migration.kill('SIGKILL'));
    while (!(await begun())) await sleep(2);
    assert.equal(await migration.kill('SIGKILL'), 'SIGKILL');
    await assert.rejects(start(t, directory, place), /was not completed; run armada-server migrate again/);
    const { code, text } = await migrate(`sqlite:${data}`, place);
    assert.equal(code, 0, text);
    assert.match(text, /: 1 queue, 1 job set, 3,000 jobs, 3,000 events\n.*\nchecked: 3,000 jobs, 0 differ/);
    const server = await start(t, directory, place);
    using connection = connect({ address: server.address });
    assert.equal((await eventsSoFar(connection, SET)).length, 6000);
    await server.kill('SIGTERM');
  }
});

test('a store that contradicts itself is found by check, and is not copied', async (t) => {
  const place = await sqliteEngine.createPlace();
  t.after(() => sqliteEngine.removePlace(place));
  const store = await sqliteEngine.open(place);
  await store.control(queueChange('queue', 0));
  // Their records say what no event of theirs does.
  await store.append(submitBatch([{ priority: 7 }, { priority: 8 }]));
  await store.close();

  const check = await checkStore(`sqlite:${place}`);
  assert.match(check.text, /^queue\/set: \w+: priority is 7, its events make it 1$/m);
  assert.match(check.text, /^checked sqlite .*: 2 jobs, 1 job set, 2 events, \d+ faults$/m);
  const copy = await migrate(`sqlite:${place}`, `sqlite:${join(place, 'new')}`);
  assert.match(copy.text, /the events do not give the records, in the source as in the copy/);
  assert.deepEqual([check.code, copy.code], [1, 1]);
  const missing = await checkStore(`sqlite:${join(place, 'gone')}`);
  assert.match(missing.text, /there is no store in/);
  assert.equal(missing.code, 1);
});
