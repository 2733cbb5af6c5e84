// What becomes of a stream when its executor opens another, or somebody else does.
import { Hold } from '@armada-ts/api/armada/server/v1/peers';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHolders, type HoldAnswer } from './holders.ts';
import { alone, setUp, open, leased, settled } from './testing/stream-world.ts';

test('a second holder is refused while the first has a stream, and let in afterwards', async () => {
  const world = setUp();
  const first = open(world, { push: true, session: 'first' });
  first.ask();
  await settled();
  const second = open(world, { push: true, session: 'second' });
  second.ask();
  await assert.rejects(second.done, { code: 'EXECUTOR_TAKEN' });
  assert.deepEqual(second.got, []);
  first.close();
  await first.done;
  const third = open(world, { push: true, session: 'second' });
  third.ask();
  third.close();
  await third.done;
  assert.deepEqual(third.got, ['end']);
});

test('a newer stream of the same executor takes over, and the older ends', async () => {
  const world = setUp();
  const older = open(world, { push: true, session: 'same' });
  older.ask();
  await settled();
  const newer = open(world, { push: true, session: 'same' });
  newer.ask();
  await assert.rejects(older.done, { code: 'UNAVAILABLE' });
  assert.equal(world.left, 1);
  await settled();
  world.put(leased(1));
  await settled();
  assert.deepEqual(older.got, ['end']);
  assert.deepEqual(newer.got, ['end', 'lease r1']);
});

test('a stream that ends before its id is known to be free gets nothing, and keeps nothing', async () => {
  const world = setUp();
  const asked: ((answer: HoldAnswer) => void)[] = [];
  const free = { hold: Hold.HOLD_FREE, isWhole: true };
  const askWhoHolds = (): Promise<HoldAnswer> => new Promise((resolve) => asked.push(resolve));
  world.deps.holders = createHolders({ ...alone, askWhoHolds });
  const older = open(world, { push: true, session: 'same', number: 1 });
  older.ask();
  await settled();
  const newer = open(world, { push: true, session: 'same', number: 2 });
  newer.ask();
  await assert.rejects(older.done, { code: 'UNAVAILABLE' });
  for (const resolve of asked) resolve(free);
  await settled();
  assert.deepEqual([older.got, newer.got], [[], ['end']]);
  assert.equal(world.seen.length, 1);
  newer.close();
  await newer.done;
  const another = open(world, { session: 'another' });
  another.ask();
  await settled();
  asked.pop()?.(free);
  await another.done;
});
