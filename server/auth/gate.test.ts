import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGate } from './gate.ts';

test('createGate() runs so many at once, lets so many wait and refuses the rest', async () => {
  const gate = createGate(2, 3);
  const releases: (() => void)[] = [];
  let running = 0;
  let most = 0;
  const work = async () => {
    most = Math.max(most, ++running);
    await new Promise<void>((resolve) => releases.push(resolve));
    running--;
  };
  const calls = Array.from({ length: 5 }, () => gate(work));
  await assert.rejects(gate(work), { code: 'OVERLOADED' });
  for (let done = 0; done < 5; done++) {
    releases.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(calls);
  assert.equal(most, 2);
  assert.equal(running, 0);
});

test('createGate() gives the place of failed work to the next', async () => {
  const gate = createGate(1, 10);
  const failing = gate(() => Promise.reject(new Error('boom')));
  const next = gate(() => Promise.resolve('fine'));
  await assert.rejects(failing, /boom/);
  assert.equal(await next, 'fine');
  assert.equal(await gate(() => Promise.resolve('again')), 'again');
});
