import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHolders } from './holders.ts';

const never = (): void => assert.fail('replaced');

test('a second holder of an executor id is refused until the first has let go', () => {
  const holders = createHolders();
  const release = holders.hold('cluster', 'first', never);
  assert.throws(() => holders.hold('cluster', 'second', never), {
    code: 'EXECUTOR_TAKEN',
    message: 'executor id "cluster" is held by another running executor; stop it or choose another id',
  });
  holders.hold('another', 'second', never)();
  release();
  holders.hold('cluster', 'second', never);
  assert.throws(() => holders.hold('cluster', 'first', never), { code: 'EXECUTOR_TAKEN' });
});

test('a newer stream of the same process replaces the older, which then has nothing to let go of', () => {
  const holders = createHolders();
  let replaced = 0;
  const releaseOlder = holders.hold('cluster', 'first', () => replaced++);
  const releaseNewer = holders.hold('cluster', 'first', never);
  assert.equal(replaced, 1);
  releaseOlder();
  assert.throws(() => holders.hold('cluster', 'second', never), { code: 'EXECUTOR_TAKEN' });
  releaseNewer();
  holders.hold('cluster', 'second', never);
});

test('executors that name no session come and go', () => {
  const holders = createHolders();
  holders.hold('cluster', '', never);
  holders.hold('cluster', '', never);
  holders.hold('cluster', 'first', never);
});
