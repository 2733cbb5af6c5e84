import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createHolders } from './holders.ts';

test('a second holder of an executor id is refused until the first has let go of all its streams', () => {
  const holders = createHolders();
  const release = holders.hold('cluster', 'first');
  const releaseSecondStream = holders.hold('cluster', 'first');
  assert.throws(() => holders.hold('cluster', 'second'), {
    code: 'EXECUTOR_TAKEN',
    message: 'executor id "cluster" is held by another running executor; stop it or choose another id',
  });
  holders.hold('another', 'second')();
  release();
  assert.throws(() => holders.hold('cluster', 'second'), { code: 'EXECUTOR_TAKEN' });
  releaseSecondStream();
  holders.hold('cluster', 'second');
  assert.throws(() => holders.hold('cluster', 'first'), { code: 'EXECUTOR_TAKEN' });
});

test('executors that name no session come and go', () => {
  const holders = createHolders();
  holders.hold('cluster', '');
  holders.hold('cluster', '');
  holders.hold('cluster', 'first');
});
