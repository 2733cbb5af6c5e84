import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadAhead } from './load-ahead.ts';

test('parts are loaded one after the other once the thread has nothing to do', async () => {
  const { signal } = new AbortController();
  const loaded: string[] = [];
  const load = (name: string) => async () => {
    loaded.push(`${name} begins`);
    await sleep(5);
    loaded.push(`${name} ends`);
  };
  let isBusy = true;
  const work = (): unknown => isBusy && setImmediate(work);
  work();
  const failing = () => Promise.reject(new Error('cannot be loaded'));
  const loading = loadAhead([load('a'), failing, load('b')], { signal, idleMs: 60 });
  await sleep(300);
  assert.deepEqual(loaded, []);
  isBusy = false;
  // The wait itself keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  await loading;
  clearInterval(alive);
  assert.deepEqual(loaded, ['a begins', 'a ends', 'b begins', 'b ends']);
});

test('nothing is loaded for a port that was closed', async () => {
  const closing = new AbortController();
  const loading = loadAhead([() => assert.fail('nobody needs it')], { signal: closing.signal, idleMs: 20 });
  closing.abort();
  await loading;
});
