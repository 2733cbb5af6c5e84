import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { renewedBy, renewedToken } from './renewed-token.ts';

/** Exchanges that count, for tokens that are good for so long. */
function exchanges(validMs: number, fail = () => false) {
  const asked: string[] = [];
  const tokens = renewedToken(async (server: string) => {
    asked.push(server);
    if (fail()) throw new Error('refused');
    const claims = { iat: 1_700_000_000, exp: 1_700_000_000 + validMs / 1000, n: asked.length };
    return `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x`;
  });
  return { asked, tokens };
}

test('renewedToken() exchanges once for calls that come together, and again before the token ends', async (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const { asked, tokens } = exchanges(60_000);
  const [one, other] = await Promise.all([tokens.current('a'), tokens.current('b')]);
  assert.equal(one, other);
  assert.equal(await tokens.current('b'), one);
  nowMs = 48_000;
  assert.notEqual(await tokens.current('b'), one);
  assert.deepEqual(asked, ['a', 'b']);
});

test('a token that was refused is exchanged again, once', async () => {
  const { asked, tokens } = exchanges(60_000);
  const first = await tokens.current('a');
  tokens.drop(first);
  const second = await tokens.current('a');
  assert.notEqual(second, first);
  // Said late, by another call that had the first one.
  tokens.drop(first);
  assert.equal(await tokens.current('a'), second);
  assert.equal(asked.length, 2);
});

test('what could not be exchanged is tried again by the next call', async () => {
  let isRefused = true;
  const { tokens } = exchanges(60_000, () => isRefused);
  await assert.rejects(tokens.current('a'), /refused/);
  isRefused = false;
  assert.match(await tokens.current('a'), /^e30/);
});

test('a token goes on being used while it is good, though it cannot be exchanged again', async (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  let isRefused = false;
  const { asked, tokens } = exchanges(60_000, () => isRefused);
  const first = await tokens.current('a');
  isRefused = true;
  nowMs = 48_000;
  assert.equal(await tokens.current('a'), first);
  assert.equal(await tokens.current('a'), first);
  assert.equal(asked.length, 2, 'it is tried again with every call');
  nowMs = 53_000;
  assert.equal(await tokens.current('a'), first);
  assert.equal(asked.length, 3);
  nowMs = 60_000;
  await assert.rejects(tokens.current('a'), /refused/);
  isRefused = false;
  assert.notEqual(await tokens.current('a'), first);
});

test('a token that was refused is not used again, though there is no other', async () => {
  let isRefused = false;
  const { tokens } = exchanges(60_000, () => isRefused);
  tokens.drop(await tokens.current('a'));
  isRefused = true;
  await assert.rejects(tokens.current('a'), /refused/);
});

test('no call waits long for a renewal while the token before is good', async (t) => {
  let nowMs = 0;
  t.mock.method(performance, 'now', () => nowMs);
  const late = Promise.withResolvers<{ token: string; validMs: number }>();
  const issued = [Promise.resolve({ token: 'one', validMs: 60_000 }), late.promise];
  const tokens = renewedBy(() => issued.shift() ?? assert.fail('it was asked once more'));
  await tokens.current('a');
  nowMs = 48_000;
  assert.deepEqual(await Promise.all([tokens.current('a'), tokens.current('b')]), ['one', 'one']);
  late.resolve({ token: 'two', validMs: 60_000 });
  assert.equal(await tokens.current('a'), 'two');
});

test('a token ends while the machine sleeps', async (t) => {
  let wallMs = 1_700_000_000_000;
  t.mock.method(Date, 'now', () => wallMs);
  const { tokens } = exchanges(60_000);
  const first = await tokens.current('a');
  wallMs += 61_000;
  assert.notEqual(await tokens.current('a'), first);
});

test('whoever issues tokens is told which was refused', async () => {
  const told: (string | undefined)[] = [];
  const tokens = renewedBy(async (_server: string, refused) => {
    told.push(refused);
    return { token: `token ${told.length}`, validMs: 60_000 };
  });
  tokens.drop(await tokens.current('a'));
  await tokens.current('a');
  assert.deepEqual(told, [undefined, 'token 1']);
});
