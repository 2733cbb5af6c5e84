import assert from 'node:assert/strict';
import { scryptSync } from 'node:crypto';
import { test } from 'node:test';
import { createBasicScheme } from './basic.ts';
import { SOMEBODY } from './testing/somebody.ts';
import { type Users, usersOf } from './users.ts';

/** A hash cheap enough for tests. */
function cheapHash(password: string): string {
  const salt = Buffer.alloc(16, 7);
  const hash = scryptSync(password, salt, 32, { cost: 16 });
  return `scrypt$16$8$1$${salt.toString('base64')}$${hash.toString('base64')}`;
}

const users = {
  ann: { password: cheapHash('pass:word'), groups: ['team'] },
  bob: { password: cheapHash('b'), groups: [] },
};
const known = usersOf(users);
const basic = (text: string, scheme = 'Basic') => `${scheme} ${Buffer.from(text).toString('base64')}`;

function scheme() {
  const clock = { nowMs: 0, now: () => 0, elapsed: () => clock.nowMs };
  return { clock, scheme: createBasicScheme(() => known, clock) };
}

test('basic names the user and their groups, whatever the case of the scheme', async () => {
  const { scheme: one } = scheme();
  const ann = { name: 'ann', groups: ['team'], scopes: [], scheme: 'basic' };
  for (const word of ['Basic', 'basic', 'BASIC']) {
    assert.deepEqual(await one.authenticate(basic('ann:pass:word', word), SOMEBODY), ann);
  }
  const unpadded = basic('ann:pass:word').replaceAll('=', '');
  assert.deepEqual(await one.authenticate(unpadded, SOMEBODY), ann, 'as some clients write it');
});

test('basic leaves other credentials to other schemes', async () => {
  const { scheme: one } = scheme();
  assert.equal(await one.authenticate(undefined, SOMEBODY), undefined);
  assert.equal(await one.authenticate('Bearer abc', SOMEBODY), undefined);
  assert.equal(await one.authenticate('Basics abc', SOMEBODY), undefined);
});

test('basic refuses wrong and malformed credentials alike, without falling over', async () => {
  const { scheme: one } = scheme();
  const wrong = [
    basic('ann:wrong'),
    basic('nobody:pass:word'),
    basic('ann:'),
    basic('ann'),
    basic(':pass:word'),
    basic('toString:x'),
    basic('__proto__:x'),
    'Basic',
    'Basic ',
    'Basic !!!!',
    'Basic YW5u\u0000',
    `${basic('ann:pass:word')}x`,
    `${basic('ann:pass:word').slice(0, 10)} ${basic('ann:pass:word').slice(10)}`,
    basic('ann:pass:word').replaceAll('=', '-'),
    `Basic ${Buffer.from('ann:\xff', 'latin1').toString('base64')}`,
    basic(`ann:${'x'.repeat(10_000)}`),
  ];
  for (const header of wrong) {
    await assert.rejects(
      async () => one.authenticate(header, SOMEBODY),
      { code: 'UNAUTHENTICATED' },
      header.slice(0, 40),
    );
  }
});

test('basic remembers accepted credentials while they are used, and refused ones not at all', async () => {
  const { scheme: one, clock } = scheme();
  const checked = one.authenticate(basic('ann:pass:word'), SOMEBODY);
  assert.ok(checked instanceof Promise);
  const ann = await checked;
  for (let minutes = 0; minutes < 600; minutes += 59) {
    clock.nowMs = minutes * 60_000;
    assert.equal(one.authenticate(basic('ann:pass:word'), SOMEBODY), ann, 'at once');
  }
  clock.nowMs += 61 * 60_000;
  assert.ok(one.authenticate(basic('ann:pass:word'), SOMEBODY) instanceof Promise, 'checked again');
  for (let time = 0; time < 2; time++) {
    const wrong = one.authenticate(basic('ann:pass:wore'), SOMEBODY);
    assert.ok(wrong instanceof Promise);
    await assert.rejects(wrong, { code: 'UNAUTHENTICATED' });
  }
});

test('basic shares one check among calls with the same credentials, and refuses a flood of others', async () => {
  const { scheme: one } = scheme();
  const same = await Promise.all(
    Array.from({ length: 500 }, async () => one.authenticate(basic('bob:b'), SOMEBODY)),
  );
  assert.equal(
    same.every((principal) => principal?.name === 'bob'),
    true,
  );
  const others = await Promise.allSettled(
    Array.from({ length: 500 }, async (_, i) => one.authenticate(basic(`ann:guess${i}`), SOMEBODY)),
  );
  const codes = new Set(
    others.map((result) => (result.status === 'rejected' ? result.reason.code : 'let in')),
  );
  assert.deepEqual(codes, new Set(['OVERLOADED', 'UNAUTHENTICATED']));
});

test('who guesses is slowed down, by name and by network, and harms nobody who was right before', async () => {
  const { scheme: one, clock } = scheme();
  const from = (peer: string) => ({ ...SOMEBODY, peer });
  const codeOf = async (text: string, peer: string): Promise<string> => {
    try {
      return (await one.authenticate(basic(text), from(peer))) ? 'in' : 'unknown';
    } catch (error) {
      return String((error as { code: unknown }).code);
    }
  };
  assert.equal(await codeOf('ann:pass:word', '10.0.0.1:1'), 'in');
  const guessed = [];
  for (let i = 0; i < 25; i++) guessed.push(await codeOf(`ann:guess${i}`, `10.0.0.9:${i}`));
  assert.deepEqual(new Set(guessed.slice(0, 20)), new Set(['UNAUTHENTICATED']));
  assert.deepEqual(new Set(guessed.slice(20)), new Set(['OVERLOADED']));
  for (let i = 0; i < 200; i++) await codeOf(`user${i}:guess`, '10.0.0.9:1');
  assert.equal(await codeOf('bob:b', '10.0.0.9:99'), 'OVERLOADED', 'new, where everybody is guessed at');
  assert.equal(await codeOf('ann:pass:word', '10.0.0.9:99'), 'in', 'even there');
  assert.equal(await codeOf('ann:pass:word', '10.0.0.8:1'), 'in', 'and everywhere else');
  assert.equal(await codeOf('bob:b', '10.0.0.7:1'), 'in');
  clock.nowMs += 5_001;
  assert.equal(await codeOf('ann:guess', '10.0.0.9:1'), 'UNAUTHENTICATED', 'one more');
  assert.equal(await codeOf('ann:guess', '10.0.0.9:1'), 'OVERLOADED');
});

test('new users get in by the first try while a thousand networks guess at them', async () => {
  const { scheme: one } = scheme();
  const guessing = Array.from({ length: 1000 }, async (_, i) =>
    one.authenticate(basic(`ann:guess${i}`), { ...SOMEBODY, peer: `10.1.${i >> 4}.${i & 15}:1` }),
  );
  const answers = Promise.allSettled(guessing);
  const overloaded = { code: 'OVERLOADED' };
  // The networks that wait are as many as can, each with one guess: whoever is new comes again.
  await assert.rejects(async () => one.authenticate(basic('ann:pass:word'), SOMEBODY), overloaded);
  await answers;
  assert.ok(await one.authenticate(basic('ann:pass:word'), SOMEBODY));
});

test('a user who is removed or changed is out at once, and those who stay are not disturbed', async () => {
  let now: Users = known;
  const one = createBasicScheme(() => now, { now: () => 0, elapsed: () => 0 });
  const ann = await one.authenticate(basic('ann:pass:word'), SOMEBODY);
  const bob = await one.authenticate(basic('bob:b'), SOMEBODY);
  assert.ok(ann && bob);
  assert.equal(one.recheck?.(ann), undefined);
  now = usersOf({ bob: users.bob, ann: { ...users.ann, password: cheapHash('new') } }, now);
  assert.equal(one.recheck?.(ann)?.code, 'UNAUTHENTICATED');
  assert.equal(one.recheck?.(bob), undefined);
  await assert.rejects(async () => one.authenticate(basic('ann:pass:word'), SOMEBODY), {
    code: 'UNAUTHENTICATED',
  });
  assert.equal((await one.authenticate(basic('ann:new'), SOMEBODY))?.name, 'ann');
  now = usersOf({ bob: users.bob }, now);
  await assert.rejects(async () => one.authenticate(basic('ann:new'), SOMEBODY), { code: 'UNAUTHENTICATED' });
});
