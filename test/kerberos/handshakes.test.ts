// Thousands of tickets: what the processes that take them need stays the same, and one that dies is replaced.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Acceptors, startAcceptors, UNDER_WAY_EACH } from '@armada-ts/server/auth/kerberos/acceptors';
import { silentLogger } from '@armada-ts/server/base/logger';
import type { Environment } from '../daemons.ts';
import { type Realm, startRealm } from './realm.ts';
import { firstToken, MECHANISM, tokenFor } from './tickets.ts';

const HANDSHAKES = process.env['ARMADA_TEST_LONG'] ? 100_000 : 2_000;
const AT_ONCE = 8;

const opened = new AsyncDisposableStack();
let realm: Realm;
let acceptors: Acceptors;
let ann: Environment;
let keytab: string;

before(async () => {
  realm = opened.use(await startRealm());
  await realm.addPrincipal('ann', 'secret');
  await realm.addPrincipal('HTTP/localhost');
  keytab = await realm.keytab('HTTP/localhost');
  ann = await realm.ticket('ann', 'secret');
  Object.assign(process.env, realm.environment);
  acceptors = opened.use(await startAcceptors({ ...service(), processes: 2 }));
  while (acceptors.pids.length < 2) await sleep(10);
});
after(() => opened.disposeAsync());

function service() {
  return { keytab, principals: ['HTTP/localhost@ARMADA.TEST'], logger: silentLogger };
}

/** One new ticket; whether it was taken. */
async function handshake(): Promise<boolean> {
  const { base64 } = await tokenFor(ann);
  const answer = await acceptors.accept(base64, undefined);
  return answer.outcome === 'accepted' && answer.client === 'ann@ARMADA.TEST';
}

/** So many, several at once; how many were taken. */
async function handshakes(count: number): Promise<number> {
  let left = count;
  let taken = 0;
  const one = async (): Promise<void> => {
    while (left-- > 0) if (await handshake()) taken++;
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  return taken;
}

/** Memory of both processes, in bytes, after what is left over has been cleared away. */
async function residentBytes(): Promise<number> {
  await sleep(200);
  return acceptors.pids.reduce((sum, pid) => {
    const [, kilobytes = ''] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return sum + Number(kilobytes) * 1024;
  }, 0);
}

test(`${HANDSHAKES} tickets are taken in the same memory`, async (context) => {
  const pids = [...acceptors.pids];
  // Until the compiler of JavaScript and the pools of the system have what they need.
  const warmUp = HANDSHAKES / 2;
  assert.equal(await handshakes(warmUp), warmUp);
  const before = await residentBytes();
  assert.equal(await handshakes(HANDSHAKES - warmUp), HANDSHAKES - warmUp);
  const after = await residentBytes();
  context.diagnostic(`${before} bytes half-way, ${after} at the end`);
  assert.deepEqual(acceptors.pids, pids, 'the processes are the same');
  assert(after < before * 1.05, `${before} bytes became ${after}`);
});

test('when a process is killed in the middle, no ticket is refused and no call fails twice', async () => {
  const [victim = 0] = acceptors.pids;
  const calls = Array.from({ length: 400 }, async (_, at) => {
    if (at === 100) process.kill(victim, 'SIGKILL');
    try {
      assert.equal(await handshake(), true);
      return 'at first';
    } catch (error) {
      assert.equal(
        (error as { code?: string }).code,
        /UNAVAILABLE|OVERLOADED/.exec(String((error as { code?: string }).code))?.[0],
      );
      await sleep((error as { retryAfterMs?: number }).retryAfterMs);
      assert.equal(await handshake(), true);
      return 'when repeated';
    }
  });
  const outcomes = await Promise.all(calls);
  assert(outcomes.filter((outcome) => outcome === 'when repeated').length < 20);
  const deadline = Date.now() + 10_000;
  while (acceptors.pids.length < 2 && Date.now() < deadline) await sleep(20);
  assert.equal(acceptors.pids.length, 2);
  assert(!acceptors.pids.includes(victim));
});

test('a process that stands still is replaced, and what waits for it is told to try again', async () => {
  await using alone = await startAcceptors({ ...service(), processes: 1, answerMs: 300 });
  const [stuck = 0] = alone.pids;
  const tokens = await Promise.all(Array.from({ length: 8 }, () => tokenFor(ann)));
  process.kill(stuck, 'SIGSTOP');
  const calls = await Promise.allSettled(tokens.map(({ base64 }) => alone.accept(base64, undefined)));
  for (const call of calls) {
    assert.equal(call.status === 'rejected' && (call.reason as { code?: string }).code, 'UNAVAILABLE');
  }
  const { base64 } = await tokenFor(ann);
  while (alone.pids.length === 0) await sleep(10);
  assert.notEqual(alone.pids[0], stuck);
  assert.equal((await alone.accept(base64, undefined)).outcome, 'accepted');
});

test('a flood is refused beyond what may wait, and the rest is answered', async () => {
  const garbage = firstToken([MECHANISM.kerberos], Buffer.alloc(500)).toString('base64');
  const flood = Array.from({ length: 1000 }, () => acceptors.accept(garbage, undefined));
  const calls = await Promise.allSettled(flood);
  const answered = calls.filter(({ status }) => status === 'fulfilled').length;
  const codes = calls.flatMap((call) =>
    call.status === 'rejected' ? (call.reason as { code?: string }).code : [],
  );
  assert.deepEqual([...new Set(codes)], ['OVERLOADED']);
  assert.equal(answered, 200 + 2 * UNDER_WAY_EACH, 'those that wait, and those under way in two processes');
  assert.equal(await handshake(), true);
});
