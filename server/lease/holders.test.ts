import { type ExecutorStream, Hold } from '@armada-ts/api/armada/server/v1/peers';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHolders, type Holders } from './holders.ts';

const never = (): void => assert.fail('replaced');
const stream = (session: string, number = 1, executorId = 'cluster'): ExecutorStream => ({
  executorId,
  session,
  number,
});
const alone = (): Holders => createHolders(async () => Hold.HOLD_FREE);

/** Two servers; what one asks the other is told later when `delay` says so. */
function pair(delay: Promise<void> = Promise.resolve()): [Holders, Holders] {
  const servers: Holders[] = [];
  for (const other of [1, 0]) {
    const ask = async (asked: ExecutorStream): Promise<Hold> => {
      await delay;
      return servers[other]!.giveWay(asked);
    };
    servers.push(createHolders(ask));
  }
  return [servers[0]!, servers[1]!];
}

test('a second holder of an executor id is refused until the first has let go', async () => {
  const holders = alone();
  const release = await holders.hold(stream('first'), never);
  await assert.rejects(holders.hold(stream('second'), never), {
    code: 'EXECUTOR_TAKEN',
    message: 'executor id "cluster" is held by another running executor; stop it or choose another id',
  });
  (await holders.hold(stream('second', 1, 'another'), never))();
  release();
  await holders.hold(stream('second'), never);
  await assert.rejects(holders.hold(stream('first'), never), { code: 'EXECUTOR_TAKEN' });
});

test('a newer stream of the same process replaces the older, which then has nothing to let go of', async () => {
  const holders = alone();
  let replaced = 0;
  const releaseOlder = await holders.hold(stream('first'), () => replaced++);
  const releaseNewer = await holders.hold(stream('first', 2), never);
  assert.equal(replaced, 1);
  releaseOlder();
  await assert.rejects(holders.hold(stream('second'), never), { code: 'EXECUTOR_TAKEN' });
  await assert.rejects(holders.hold(stream('first', 1), never), { code: 'UNAVAILABLE' });
  releaseNewer();
  await holders.hold(stream('second'), never);
});

test('of streams that are not numbered the one that comes later is the newer', async () => {
  const holders = alone();
  let replaced = 0;
  await holders.hold(stream('first', 0), () => replaced++);
  await holders.hold(stream('first', 0), never);
  assert.equal(replaced, 1);
});

test('executors that name no session come and go', async () => {
  const asked: ExecutorStream[] = [];
  const holders = createHolders(async (one) => {
    asked.push(one);
    return Hold.HOLD_TAKEN;
  });
  await holders.hold(stream('', 0), never);
  await holders.hold(stream('', 0), never);
  assert.deepEqual(asked, []);
});

test('an id that is held at another server is taken, until it is let go of there', async () => {
  const [here, there] = pair();
  const release = await there.hold(stream('first'), never);
  await assert.rejects(here.hold(stream('second'), never), { code: 'EXECUTOR_TAKEN' });
  release();
  await here.hold(stream('second'), never);
  await assert.rejects(there.hold(stream('first'), never), { code: 'EXECUTOR_TAKEN' });
});

test('a process that goes from one server to another is followed, and back', async () => {
  const [here, there] = pair();
  let replaced = 0;
  const count = (): void => void replaced++;
  const releaseFirst = await there.hold(stream('first', 1), count);
  const releaseSecond = await here.hold(stream('first', 2), count);
  assert.equal(replaced, 1);
  await there.hold(stream('first', 3), never);
  assert.equal(replaced, 2);
  releaseFirst();
  releaseSecond();
  await assert.rejects(here.hold(stream('second'), never), { code: 'EXECUTOR_TAKEN' });
});

test('a stream that comes through late does not take over from a newer one', async () => {
  const [here, there] = pair();
  let replaced = 0;
  await there.hold(stream('first', 2), () => replaced++);
  await assert.rejects(here.hold(stream('first', 1), never), {
    code: 'UNAVAILABLE',
    message: 'a newer stream of the same executor has taken over',
  });
  assert.equal(replaced, 0);
  await there.hold(stream('first', 3), never);
});

test('of two processes that come at the same time at most one gets in', async () => {
  const delay = Promise.withResolvers<void>();
  const [here, there] = pair(delay.promise);
  const both = [here.hold(stream('first'), never), there.hold(stream('second'), never)];
  delay.resolve();
  const outcomes = await Promise.allSettled(both);
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['rejected', 'rejected'],
  );
  await here.hold(stream('first'), never);
  await assert.rejects(there.hold(stream('second'), never), { code: 'EXECUTOR_TAKEN' });
});

test('an id is not kept for a stream whose asking failed', async () => {
  let isBroken = true;
  const holders = createHolders(async () => {
    if (isBroken) throw new Error('broken');
    return Hold.HOLD_FREE;
  });
  await assert.rejects(holders.hold(stream('first'), never), /broken/);
  isBroken = false;
  await holders.hold(stream('second'), never);
});
