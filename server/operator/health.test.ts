import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArmadaError } from '../base/errors.ts';
import type { Store } from '../store/store.ts';
import { createChecks, type HealthDeps, healthCheckOf } from './health.ts';

function parts(more: { heads?: Store['heads']; role?: ReturnType<HealthDeps['scheduler']['role']> } = {}) {
  const [storeFailed, schedulerFailed] = [Promise.withResolvers<never>(), Promise.withResolvers<never>()];
  const stopping = new AbortController();
  const store: Pick<Store, 'heads' | 'failed'> = {
    heads: more.heads ?? (async () => [1]),
    failed: storeFailed.promise,
  };
  const scheduler = { role: () => more.role ?? 'following', failed: schedulerFailed.promise };
  const checks = createChecks({ store, stopping: stopping.signal, scheduler });
  return { checks, stopping, storeFailed, schedulerFailed };
}

test('a server is ready when it could lead and its store answers', async () => {
  const { checks } = parts();
  assert.deepEqual(await checks.ready(), [
    { name: 'server', fault: undefined },
    { name: 'scheduler', fault: undefined },
    { name: 'store', fault: undefined },
  ]);
  assert.deepEqual(await healthCheckOf(checks)(), []);
});

test('what passes by itself makes a server not ready, and is no reason to start it again', async (t) => {
  const away = new ArmadaError('UNAVAILABLE', 'Redis is away');
  const { checks } = parts({ heads: () => Promise.reject(away), role: 'loading' });
  const faults = ['the scheduler is loading', 'the store fails: Redis is away'];
  assert.deepEqual(await healthCheckOf(checks)(), faults);
  assert.deepEqual(
    checks.alive().map(({ fault }) => fault),
    [undefined, undefined],
  );

  const broken = parts({ heads: () => Promise.reject(new Error('secret')) });
  assert.deepEqual(await healthCheckOf(broken.checks)(), ['the store fails']);

  t.mock.timers.enable({ apis: ['setTimeout'] });
  const silent = healthCheckOf(parts({ heads: () => new Promise(() => {}) }).checks)();
  t.mock.timers.tick(2_000);
  assert.deepEqual(await silent, ['the store does not answer']);
});

test('however many ask at a time, the store is asked once', async () => {
  let asked = 0;
  const heads = async (): Promise<number[]> => [++asked];
  const { checks } = parts({ heads });
  await Promise.all(Array.from({ length: 100 }, () => checks.ready()));
  assert.equal(asked, 1);
  await checks.ready();
  assert.equal(asked, 2);
});

test('what has failed for good is a reason to start it again', async () => {
  const { checks, storeFailed, schedulerFailed } = parts();
  storeFailed.reject(new Error('disk'));
  schedulerFailed.reject(new Error('thread'));
  await new Promise(setImmediate);
  assert.deepEqual(checks.alive(), [
    { name: 'scheduler', fault: 'the scheduler has failed' },
    { name: 'store', fault: 'the store has failed' },
  ]);
});

test('one that stops is not ready, and asks nothing of its store', async () => {
  let asked = 0;
  const { checks, stopping } = parts({
    heads: async () => {
      asked++;
      return [1];
    },
  });
  stopping.abort();
  assert.deepEqual(await healthCheckOf(checks)(), ['the server is stopping']);
  assert.equal(asked, 0);
});
