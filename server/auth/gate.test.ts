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
  const calls = Array.from({ length: 5 }, () => gate(['here'], work));
  await assert.rejects(gate(['here'], work), { code: 'OVERLOADED' });
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
  const failing = gate(['here'], () => Promise.reject(new Error('boom')));
  const next = gate(['here'], () => Promise.resolve('fine'));
  await assert.rejects(failing, /boom/);
  assert.equal(await next, 'fine');
  assert.equal(await gate(['here'], () => Promise.resolve('again')), 'again');
});

test('networks take turns, and one that asks without end keeps no other out', async () => {
  const gate = createGate(1, 10);
  const done: string[] = [];
  const ask = (network: string): Promise<void> =>
    gate([network], async () => {
      await new Promise((resolve) => setImmediate(resolve));
      done.push(network);
    });
  const asked = ['many', 'few', 'a', 'b', 'c', 'd', 'e'].flatMap((network) =>
    Array.from({ length: { many: 100, few: 4 }[network] ?? 1 }, () => ask(network)),
  );
  const refused = (await Promise.allSettled(asked)).flatMap((one) =>
    one.status === 'rejected' ? [(one.reason as { code: string }).code] : [],
  );
  assert.deepEqual(new Set(refused), new Set(['OVERLOADED']));
  assert.deepEqual(done, ['many', 'many', 'few', 'a', 'b', 'c', 'd', 'e', 'many', 'few', 'many']);
});

test('whoever asks about something of their own gets in at once where many ask about one thing', async () => {
  const gate = createGate(1, 10);
  const done: string[] = [];
  const ask = (network: string, user: string): Promise<void> =>
    gate([`network ${network}`, `user ${user}`], async () => {
      await new Promise((resolve) => setImmediate(resolve));
      done.push(network);
    });
  const many = Array.from({ length: 100 }, (_, i) => ask(`n${i}`, 'target'));
  const own = ask('own', 'ann');
  const outcomes = await Promise.allSettled(many);
  await own;
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 10);
  assert.deepEqual(done.slice(0, 3), ['n0', 'n1', 'own']);
});

test('a group of which much waits gets its turn though others come all the time', async () => {
  const gate = createGate(1, 10);
  let left = 5;
  const big = Array.from({ length: left }, () => gate(['big'], async () => void left--));
  const others: Promise<void>[] = [];
  for (let i = 0; left > 0; i++) {
    assert.ok(i < 20, 'others are always first');
    others.push(gate([`other ${i}`], () => new Promise((resolve) => setImmediate(resolve))));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all([...big, ...others]);
});
