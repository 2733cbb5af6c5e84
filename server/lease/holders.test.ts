import { type ExecutorStream, Hold } from '@armada-ts/api/armada/server/v1/peers';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHolders, type Holders, type OtherServers } from './holders.ts';

const never = (): void => assert.fail('replaced');
const stream = (session: string, number = 1, executorId = 'cluster'): ExecutorStream => ({
  executorId,
  session,
  number,
});
const FREE = { hold: Hold.HOLD_FREE, isWhole: true };
const alone = (): Holders => createHolders({ askWhoHolds: async () => FREE, subscribe: () => {} });

/** Two servers and what is between them. */
interface Pair {
  here: Holders;
  there: Holders;
  /** What one asks the other gets there later. */
  delay: Promise<void>;
  /** Neither gets an answer of the other. */
  isCut: boolean;
  /** Tells both that the other is back. */
  back(): void;
}

function createPair(): Pair {
  const servers: Holders[] = [];
  const listeners: (() => void)[] = [];
  const between = { delay: Promise.resolve(), isCut: false };
  for (const other of [1, 0]) {
    const others: OtherServers = {
      async askWhoHolds(asked) {
        const { isCut } = pair;
        await pair.delay;
        if (isCut) return { hold: Hold.HOLD_FREE, isWhole: false };
        return { hold: servers[other]!.giveWay(asked), isWhole: true };
      },
      subscribe: (listener) => listeners.push(listener),
    };
    servers.push(createHolders(others));
  }
  const [here, there] = servers;
  const pair: Pair = {
    ...between,
    here: here!,
    there: there!,
    back: () => listeners.forEach((listener) => listener()),
  };
  return pair;
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
  const holders = createHolders({
    async askWhoHolds(one) {
      asked.push(one);
      return FREE;
    },
    subscribe: () => {},
  });
  await holders.hold(stream('', 0), never);
  await holders.hold(stream('', 0), never);
  assert.deepEqual(asked, []);
});

test('an id that is held at another server is taken, until it is let go of there', async () => {
  const { here, there } = createPair();
  const release = await there.hold(stream('first'), never);
  await assert.rejects(here.hold(stream('second'), never), { code: 'EXECUTOR_TAKEN' });
  release();
  await here.hold(stream('second'), never);
  await assert.rejects(there.hold(stream('first'), never), { code: 'EXECUTOR_TAKEN' });
});

test('a process that goes from one server to another is followed, and back', async () => {
  const { here, there } = createPair();
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
  const { here, there } = createPair();
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
  const pair = createPair();
  pair.delay = delay.promise;
  const { here, there } = pair;
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

test('who was let in while a server did not answer is judged again when it is back', async () => {
  const pair = createPair();
  const { here, there } = pair;
  const ended = new Map<string, string>();
  await here.hold(stream('first'), ({ code }) => ended.set('first', code));
  pair.isCut = true;
  await there.hold(stream('second'), ({ code }) => ended.set('second', code));
  pair.isCut = false;
  assert.equal(ended.size, 0);
  pair.back();
  await new Promise((resolve) => setImmediate(resolve));
  // Both learn of the other at the same time.
  assert.deepEqual([ended.get('first'), ended.get('second')], ['EXECUTOR_TAKEN', 'EXECUTOR_TAKEN']);
  await here.hold(stream('first'), never);
});

test('a server that did not answer is asked again until it does', async () => {
  const pair = createPair();
  const { here, there } = pair;
  await here.hold(stream('first'), never);
  pair.isCut = true;
  const ended = Promise.withResolvers<string>();
  await there.hold(stream('second'), ({ code }) => ended.resolve(code));
  pair.isCut = false;
  assert.equal(await ended.promise, 'EXECUTOR_TAKEN');
  await assert.rejects(there.hold(stream('second'), never), { code: 'EXECUTOR_TAKEN' });
});
