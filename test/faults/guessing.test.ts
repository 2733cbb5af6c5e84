// Whoever guesses at passwords finds none, is slowed down, and harms nobody: not
// those who work, not those who come for the first time, and not whom they guess at.
import assert from 'node:assert/strict';
import { randomBytes, scryptSync } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PERMISSIONS } from '@armada-ts/server/auth/permissions';
import { hashPassword } from '@armada-ts/server/auth/password';
import { temporaryDirectory } from '../e2e/programs.ts';
import { startServer } from '../e2e/server.ts';
import { abuse, type Abused, showImpact } from './abuse.ts';
import { type Attempt, summed, tryAll } from './credential-flood.ts';

const IS_LONG = process.env['ARMADA_TEST_LONG'] === '1';
const GUESSES = IS_LONG ? 10_000 : 1_000;
/** On a machine whose two cores the guessers share, and other tests. */
const MAX_P99_MS = 3_000;
const MAX_GROWTH_MIB = 300;
/** How long a first call may take while everybody guesses, with the pauses that refusals ask for. */
const MAX_FIRST_MS = 20_000;
const PAIRS = IS_LONG ? 200 : 40;

const opened = new AsyncDisposableStack();
const directory = await temporaryDirectory({ after });
let abused: Abused;

before(async () => {
  // In the long run of the cost that real ones have.
  const password = IS_LONG ? await hashPassword('right') : quickHash('right');
  const names = ['worker', 'target', 'new-1', 'new-2', 'timed'];
  const server = await startServer(directory, {
    auth: {
      schemes: ['basic'],
      basic: { users: Object.fromEntries(names.map((name) => [name, { password, groups: ['all'] }])) },
      permissionGroupMapping: Object.fromEntries(PERMISSIONS.map((permission) => [permission, ['all']])),
    },
    trustedProxies: ['127.0.0.1'],
  });
  abused = opened.use(await abuse(server, basic('worker', 'right')));
});
after(() => opened.disposeAsync());

/** Of a quarter of the usual cost. */
function quickHash(password: string): string {
  const salt = randomBytes(16);
  const hash = scryptSync(password, salt, 32, { N: 4096 });
  return `scrypt$4096$8$1$${salt.toString('base64')}$${hash.toString('base64')}`;
}

function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

const guess = (name: string, i: number, from: string): Attempt => ({
  authorization: basic(name, `guess ${i}`),
  'x-forwarded-for': from,
});

/** Calls for the first time, and comes again as it is told; how long that took. */
async function firstCall(name: string, from: string): Promise<number> {
  const beganMs = performance.now();
  for (;;) {
    const headers = { authorization: basic(name, 'right'), 'x-forwarded-for': from };
    const answer = await fetch(`${abused.server.url}/v1/queue/${abused.queue}`, { headers });
    await answer.arrayBuffer();
    if (answer.status === 200) return performance.now() - beganMs;
    assert.equal(answer.status, 429);
    await sleep(Number(answer.headers.get('retry-after')) * 1000);
  }
}

for (const { what, attempts, name, mostChecked } of [
  {
    what: 'one network that guesses at everybody',
    attempts: (i: number) => guess(`user-${i % 500}`, i, '198.51.100.1'),
    name: 'new-1',
    mostChecked: 200 + 120,
  },
  {
    what: 'many networks that guess at one user',
    attempts: (i: number) => guess('target', i, `10.${(i >> 8) & 255}.${i & 255}.1`),
    name: 'new-2',
    mostChecked: GUESSES,
  },
]) {
  test(`${what} are slowed down, and others do not notice`, async (t) => {
    t.diagnostic(`in calm: ${showImpact(abused.calm)}`);
    const beforeMib = abused.rssMib();
    const beganMs = performance.now();
    const { impact, result } = await abused.during(async () => {
      const guessing = tryAll(
        abused.server,
        Array.from({ length: GUESSES }, (_, i) => attempts(i)),
      );
      await sleep(200);
      const firstMs = await firstCall(name, '203.0.113.1');
      const ends = await guessing;
      return { ends, firstMs, tookMs: performance.now() - beganMs };
    });
    const { wrong, limited, others } = summed(result.ends);
    t.diagnostic(
      `${wrong} wrong, ${limited} limited in ${Math.round(result.tookMs)} ms; ${showImpact(impact)}`,
    );
    t.diagnostic(`somebody new got in after ${Math.round(result.firstMs)} ms`);
    assert.deepEqual(others, []);
    assert.equal(wrong + limited, GUESSES);
    assert.ok(wrong > 0 && wrong <= mostChecked, `${wrong} were checked`);
    assert.deepEqual(impact.faults, []);
    assert.ok(impact.p99Ms <= MAX_P99_MS, showImpact(impact));
    assert.ok(result.firstMs <= MAX_FIRST_MS, `${result.firstMs} ms`);
    assert.ok(impact.rssMib - beforeMib <= MAX_GROWTH_MIB, `from ${beforeMib} to ${impact.rssMib} MiB`);
    assert.ok((await firstCall('target', '203.0.113.2')) <= MAX_FIRST_MS, 'the one who was guessed at');
  });
}

test('whether there is a user cannot be told by how long a refusal takes', async (t) => {
  const took = async (name: string, i: number): Promise<number> => {
    const beganMs = performance.now();
    const headers = guess(name, i, `10.99.${name === 'timed' ? 1 : 2}.${i}`);
    const answer = await fetch(`${abused.server.url}/v1/queue/none`, { headers });
    assert.equal(answer.status, 401);
    await answer.arrayBuffer();
    return performance.now() - beganMs;
  };
  let slower = 0;
  let knownMs = 0;
  let unknownMs = 0;
  for (let i = 0; i < PAIRS; i++) {
    // Who is first changes, as the first may be slower.
    const known = i % 2 === 0 ? await took('timed', i) : Number.NaN;
    const unknown = await took('nobody', i);
    const compared = i % 2 === 0 ? known : await took('timed', i);
    if (unknown > compared) slower++;
    knownMs += compared / PAIRS;
    unknownMs += unknown / PAIRS;
  }
  t.diagnostic(
    `a wrong password ${knownMs.toFixed(1)} ms, a wrong name ${unknownMs.toFixed(1)} ms; ${slower} of ${PAIRS} slower`,
  );
  // Chance alone leaves these bounds once in some hundred thousand times; what can be told is always on one side.
  assert.ok(slower >= PAIRS * 0.15 && slower <= PAIRS * 0.85, `${slower} of ${PAIRS}`);
});
