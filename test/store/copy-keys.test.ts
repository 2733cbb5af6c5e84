// Keys move with everything else, and stores move that are older than keys.
import { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import type { Store } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { it } from 'node:test';
import { queueChange, submitBatch } from './builders.ts';
import { applied } from './compare.ts';
import { move } from './moving.engine.ts';
import { REDIS, SQLITE } from './moving.houses.ts';

const KINDS = [Control_Kind.KIND_ACCESS_KEYS, Control_Kind.KIND_KEYRING] as const;

async function keysOf(store: Store): Promise<unknown[]> {
  const kept = await Promise.all(KINDS.map((kind) => store.read.controls(kind)));
  return kept.flat().map(({ name, version, record }) => [name, version, Buffer.from(record).toString()]);
}

for (const [name, from, to] of [
  ['SQLite to Redis', SQLITE, REDIS],
  ['Redis to SQLite', REDIS, SQLITE],
] as const) {
  it(`access keys and signing keys move from ${name} with their versions`, async (t) => {
    const place = await from.engine.createPlace();
    t.after(() => from.engine.removePlace(place));
    const store = await from.engine.open(place);
    for (const kind of KINDS) {
      for (const owner of ['ann', 'bob']) {
        await store.control({ kind, name: owner, record: Buffer.from(`${kind} of ${owner}`) });
      }
    }
    const before = await keysOf(store);
    await store.close();
    const home = await move(from, place, to);
    t.after(() => to.engine.removePlace(home));
    const moved = await to.engine.open(home);
    t.after(() => moved.close());
    assert.equal(before.length, 4);
    assert.deepEqual(await keysOf(moved), before);
  });
}

it('a store that no server has opened since there are keys moves as it is, and gets its tables at a start', async (t) => {
  const place = await SQLITE.engine.createPlace();
  t.after(() => SQLITE.engine.removePlace(place));
  const store = await SQLITE.engine.open(place);
  await store.control(queueChange('queue', 0));
  await applied(store, submitBatch([{}]));
  await store.close();
  const path = join(place, 'armada.db');
  const db = new DatabaseSync(path);
  db.exec('DROP TABLE access_keys; DROP TABLE keyring');
  db.close();
  const home = await move(SQLITE, place, REDIS);
  t.after(() => REDIS.engine.removePlace(home));
  const again = await SQLITE.engine.open(place);
  t.after(() => again.close());
  assert.deepEqual(await keysOf(again), []);
  const change = { kind: Control_Kind.KIND_KEYRING, name: 'keyring', record: Buffer.from('ring') };
  assert.equal((await again.control(change)).outcome, 'applied');
});
