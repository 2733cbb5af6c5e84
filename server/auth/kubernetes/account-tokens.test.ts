import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArmadaError } from '../../base/errors.ts';
import { GOOD, NAME, NOT_GOOD, openTold, token } from './testing/told-scheme.ts';
import type { Review } from './api-server.ts';

const REFUSED = { code: 'UNAUTHENTICATED' };

test('kubernetes asks once about a token, and again after a while', async () => {
  const { world, scheme, login } = openTold({ cacheMs: 10_000 });
  const shown = `Bearer ${token()}`;
  const [principal, same] = await Promise.all([login(shown), login(shown)]);
  assert.equal(principal, same);
  world.nowMs = 9_999;
  assert.equal(await login(shown), principal);
  assert.equal(world.asked.length, 1);
  world.nowMs = 10_000;
  await Promise.all([login(shown), login(shown)]);
  assert.equal(world.asked.length, 2);
  world.answer = async () => NOT_GOOD;
  world.nowMs = 20_000;
  await Promise.all([assert.rejects(login(shown), REFUSED), assert.rejects(login(shown), REFUSED)]);
  assert.ok(principal);
  assert.equal(scheme.recheck?.(principal)?.code, 'UNAUTHENTICATED');
  assert.equal(world.asked.length, 3);
});

test('kubernetes ends streams of accounts that are gone, and at the end of their tokens', async () => {
  const { world, scheme, login } = openTold({ cacheMs: 10_000 });
  const [gone, ending] = [await login(`Bearer ${token()}`), await login(`Bearer ${token({ exp: 60 })}`)];
  assert.ok(gone && ending);
  world.answer = async () => NOT_GOOD;
  world.nowMs = 10_000;
  assert.equal(scheme.recheck?.(gone), undefined);
  await Promise.resolve();
  await new Promise(setImmediate);
  assert.equal(scheme.recheck?.(gone)?.code, 'UNAUTHENTICATED');
  assert.equal(scheme.recheck?.(ending), undefined);
  world.nowMs = 60_000;
  assert.match(scheme.recheck?.(ending)?.message ?? '', /expired/);
});

test('kubernetes believes tokens that were good while the API server is away, for an hour, and no others', async () => {
  const { world, scheme, login } = openTold({ cacheMs: 10_000 });
  const shown = `Bearer ${token({ exp: 100_000 })}`;
  const principal = await login(shown);
  assert.ok(principal);
  world.answer = async () => {
    throw new ArmadaError('UNAVAILABLE', 'away');
  };
  await assert.rejects(login(`Bearer ${token()}`), { code: 'UNAVAILABLE' });
  world.nowMs = 3_599_000;
  assert.equal(await login(shown), principal);
  world.nowMs = 3_610_000;
  await assert.rejects(login(shown), { code: 'UNAVAILABLE' });
  assert.equal(scheme.recheck?.(principal), undefined, 'streams go on until the token ends');
  await new Promise(setImmediate);
  world.answer = async () => GOOD;
  assert.equal(await login(shown), principal);
});

test('kubernetes waits once for an API server that stands still, and not again', async () => {
  const { world, scheme, login } = openTold({ cacheMs: 10_000 });
  const shown = `Bearer ${token({ exp: 100_000 })}`;
  const principal = await login(shown);
  assert.ok(principal);
  let answer = Promise.withResolvers<Review>();
  world.answer = () => answer.promise;
  world.nowMs = 10_000;
  const waiting = login(shown);
  await new Promise(setImmediate);
  answer.reject(new ArmadaError('UNAVAILABLE', 'away'));
  assert.equal(await waiting, principal);
  answer = Promise.withResolvers();
  world.nowMs = 20_000;
  assert.equal(scheme.authenticate(shown, { peer: '', certificate: undefined }), principal);
  // What it says in the end counts.
  answer.resolve(NOT_GOOD);
  await new Promise(setImmediate);
  await assert.rejects(login(shown), REFUSED);
});

test('kubernetes makes no flood of a flood: few questions at once, and none twice', async () => {
  const { world, login } = openTold();
  const held = Promise.withResolvers<Review>();
  world.answer = () => held.promise;
  const known = `Bearer ${token()}`;
  const flood = Array.from({ length: 500 }, () => login(`Bearer ${token()}`, '6.6.6.6:1'));
  const ended = Promise.allSettled(flood);
  const waiting = login(known, '10.0.0.2:1');
  await new Promise(setImmediate);
  assert.equal(world.asked.length, 8);
  world.answer = async () => (world.asked.at(-1) === known.slice(7) ? GOOD : NOT_GOOD);
  held.resolve(NOT_GOOD);
  assert.equal((await waiting)?.name, NAME, 'somebody from elsewhere has their turn');
  const refused = (await ended).map((end) => (end.status === 'rejected' ? end.reason.code : 'let in'));
  const count = (code: string) => refused.filter((each) => each === code).length;
  assert.equal(count('UNAUTHENTICATED') + count('OVERLOADED'), 500);
  assert.ok(count('OVERLOADED') >= 290, `${count('OVERLOADED')} were sent away`);

  const asked = world.asked.length;
  world.nowMs += 60_000;
  const wrong = `Bearer ${token()}`;
  for (let i = 0; i < 5; i++) await assert.rejects(login(wrong, '10.0.0.3:1'), REFUSED);
  assert.equal(world.asked.length, asked + 1);
});
