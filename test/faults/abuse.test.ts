// Clients that do to the ports what no honest one does: the server says what it
// has to say, or hangs up, and holds next to nothing for them; somebody else is
// served all the while. What each attack does to others is printed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { JobSubmitRequest } from '@armada-ts/api/api/submit';
import { toJson } from '@armada-ts/api/json';
import { jobItem } from '../e2e/items.ts';
import { type Abused, type Impact, showImpact, startAbused } from './abuse.ts';
import { absurdRequest } from './absurd-json.ts';
import { bomb, hangUp, head, sendRaw, type Slow, slowly } from './http1-attacks.ts';
import { JSON_CASES } from './json-corpus.ts';
import { seeded } from './random.ts';
import { ATTACKS } from './wire-attacks.ts';

const IS_LONG = process.env['ARMADA_TEST_LONG'] === '1';
const ATTACK_MS = IS_LONG ? 10_000 : 300;
const SLOW_CONNECTIONS = IS_LONG ? 5_000 : 500;
const ABSURD_REQUESTS = IS_LONG ? 100_000 : 1_000;
const SEED = Number(process.env['ARMADA_TEST_SEED'] ?? 1);
const ANSWER_MS = 10_000;
/** What no answer for users holds. */
const STACK_TRACE = /\n\s+at |node:internal|node_modules/;
const HANG_UPS = IS_LONG ? 10_000 : 1_000;

/** By any one attack; without bounds some would take gigabytes. */
const MAX_GROWTH_MIB = 400;
/** On a machine whose two cores the attacker shares, and other tests. */
const MAX_P99_MS = 3_000;

/** Within which a request must be there whole, and a connection answer a ping; and time to look for those that do not. */
const SLOW_MS = 45_000;

let directory: string;
let abused: Abused;
let begun: Slow[] = [];
let begunMs = 0;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'armada-abuse-'));
  abused = await startAbused(join(directory, 'data'));
});
after(async () => {
  for (const slow of begun) slow[Symbol.dispose]();
  await abused[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
});

function judge(name: string, impact: Impact, beforeMib: number): void {
  assert.deepEqual(impact.faults, [], `${name}: somebody else was not served`);
  assert.ok(impact.p99Ms <= MAX_P99_MS, `${name}: ${showImpact(impact)}`);
  assert.ok(
    impact.rssMib - beforeMib <= MAX_GROWTH_MIB,
    `${name}: from ${beforeMib} to ${impact.rssMib} MiB`,
  );
  assert.equal(abused.server.process.exitCode, null);
}

test('connections that say nothing, or a byte at a time, harm nobody', async (t) => {
  t.diagnostic(`in calm: ${showImpact(abused.calm)}`);
  const { httpPort, grpcPort, queue } = abused;
  const beforeMib = abused.rssMib();
  const post = head('POST /v1/queue', { 'content-type': 'application/json', 'content-length': 100_000 });
  const { impact, result } = await abused.during(async () => {
    const slow = [
      await slowly(httpPort, SLOW_CONNECTIONS, `GET /v1/queue/${queue} HTTP/1.1\r\nx-slow: `),
      await slowly(httpPort, SLOW_CONNECTIONS, post),
      await slowly(grpcPort, SLOW_CONNECTIONS, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    ];
    await sleep(ATTACK_MS);
    return slow;
  });
  begun = result;
  begunMs = performance.now();
  t.diagnostic(`${3 * SLOW_CONNECTIONS} connections: ${showImpact(impact)}`);
  judge('slow connections', impact, beforeMib);
});

for (const [port, names] of [
  ['gRPC', Object.keys(ATTACKS)],
  ['HTTP', ['rapidReset', 'provokedReset', 'continuationFlood', 'headerBomb', 'pingFlood', 'stalledWindow']],
] as const) {
  test(`floods of HTTP/2 on the ${port} port are survived`, async (t) => {
    const target = {
      port: port === 'gRPC' ? abused.grpcPort : abused.httpPort,
      path: '/api.Submit/Health',
      forMs: ATTACK_MS,
    };
    for (const name of names) {
      const beforeMib = abused.rssMib();
      const attack = ATTACKS[name];
      assert.ok(attack);
      const { impact, result } = await abused.during(() => attack(target));
      const { tried, connections, hungUp } = result;
      t.diagnostic(`${name}: ${tried} writes, hung up on ${hungUp} of ${connections}; ${showImpact(impact)}`);
      judge(name, impact, beforeMib);
      assert.ok(tried > 0);
    }
  });
}

test('requests that lie about their length, size or form get the status of it', async () => {
  const { httpPort: port } = abused;
  const json = { 'content-type': 'application/json' };
  const post = (headers: Record<string, string | number>): string =>
    head('POST /v1/queue', { ...json, ...headers });
  const megabyte = Buffer.alloc(1024 * 1024, 0x20);
  const chunk = Buffer.concat([Buffer.from('100000\r\n'), megabyte, Buffer.from('\r\n')]);
  const statuses: [string, number, Promise<{ status: number }>][] = [
    ['100 MB, announced', 413, sendRaw(port, post({ 'content-length': 100_000_000 }), megabyte)],
    [
      '100 MB in chunks',
      413,
      sendRaw(port, post({ 'transfer-encoding': 'chunked' }), ...Array.from({ length: 100 }, () => chunk)),
    ],
    [
      'two lengths',
      400,
      sendRaw(port, `${post({ 'content-length': 2 }).slice(0, -2)}content-length: 3\r\n\r\n{}`),
    ],
    [
      'length and chunks',
      400,
      sendRaw(port, post({ 'content-length': 2, 'transfer-encoding': 'chunked' }), '{}'),
    ],
    ['a negative length', 400, sendRaw(port, post({ 'content-length': -1 }), '{}')],
    ['a chunk of no length', 400, sendRaw(port, post({ 'transfer-encoding': 'chunked' }), 'x\r\n{}')],
    [
      'headers of 20 KiB',
      431,
      sendRaw(port, post({ 'x-large': 'a'.repeat(20 * 1024), 'content-length': 0 })),
    ],
    ['2,500 headers', 431, sendRaw(port, `${post({}).slice(0, -2)}${'a: b\r\n'.repeat(2_500)}\r\n`)],
    [
      'a packing nobody knows',
      415,
      sendRaw(port, post({ 'content-encoding': 'zip', 'content-length': 2 }), '{}'),
    ],
    [
      'not packed as it says',
      400,
      sendRaw(port, post({ 'content-encoding': 'gzip', 'content-length': 2 }), '{}'),
    ],
    [
      'plain text',
      415,
      sendRaw(port, head('POST /v1/queue', { 'content-type': 'text/plain', 'content-length': 2 }), '{}'),
    ],
    ['another host', 421, sendRaw(port, head('GET /v1/queue/a', { host: 'evil.example.com' }))],
    ['a verb that is none', 400, sendRaw(port, head('FETCH /v1/queue/a', {}))],
    ['no HTTP', 400, sendRaw(port, 'hello\r\n\r\n')],
    ['TLS', 400, sendRaw(port, Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]))],
  ];
  const faults: string[] = [];
  for (const [name, expected, answer] of statuses) {
    const { status } = await answer;
    if (status !== expected) faults.push(`${name}: ${status}, not ${expected}`);
  }
  assert.deepEqual(faults, []);
});

test('bombs are refused before they go off', async (t) => {
  const beforeMib = abused.rssMib();
  const packed = bomb(64 * 1024);
  const request = head('POST /v1/queue', {
    'content-type': 'application/json',
    'content-encoding': 'gzip',
    'content-length': packed.length,
  });
  const { impact, result } = await abused.during(() =>
    Promise.all(Array.from({ length: 200 }, () => sendRaw(abused.httpPort, request, packed))),
  );
  t.diagnostic(`200 bombs of 64 MiB: ${showImpact(impact)}`);
  assert.deepEqual(new Set(result.map(({ status }) => status)), new Set([413]));
  judge('bombs', impact, beforeMib);
});

test('absurd JSON is refused with the right status, or taken for what it says', async (t) => {
  const { url } = abused.server;
  const faults: string[] = [];
  const { impact } = await abused.during(async () => {
    for (const { name, body, status, says } of JSON_CASES) {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}/v1/queue`, { method: 'POST', headers, body });
      const text = await answer.text();
      const isWrong = answer.status !== status || (says !== undefined && !says.test(text));
      if (isWrong) faults.push(`${name}: ${answer.status} ${text.slice(0, 300)}`);
      if (status !== 200) {
        const { code } = JSON.parse(text) as { code?: number };
        if (code !== 3) faults.push(`${name}: code ${code}`);
      }
      const removed = await fetch(`${url}/v1/queue/corpus`, { method: 'DELETE' });
      await removed.arrayBuffer();
      if (status !== 200 && removed.status === 200) faults.push(`${name}: refused, and yet there is a queue`);
    }
  });
  t.diagnostic(`${JSON_CASES.length} texts: ${showImpact(impact)}`);
  assert.deepEqual(faults, []);
});

test(`${ABSURD_REQUESTS} absurd requests over REST are nobody's fault but their sender's`, async (t) => {
  const { url } = abused.server;
  const random = seeded(SEED);
  const valid = toJson(
    'api.JobSubmitRequest',
    JobSubmitRequest.fromPartial({
      queue: abused.queue,
      jobSetId: 'set',
      jobRequestItems: [jobItem({}), jobItem({})],
    }),
  );
  const statuses = new Map<number, number>();
  const faults: string[] = [];
  let left = ABSURD_REQUESTS;
  const attacker = async (): Promise<void> => {
    while (left-- > 0) {
      const { method, path, body } = absurdRequest(random, valid);
      const headers = body ? { 'content-type': 'application/json' } : {};
      const answer = await fetch(url + path, {
        method,
        headers,
        body: body ?? null,
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      const { status } = answer;
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      const isStream = status === 200 && path.startsWith('/v1/job-set/');
      if (isStream) await answer.body?.cancel();
      const text = isStream ? '' : await answer.text();
      if (status >= 500 || STACK_TRACE.test(text))
        faults.push(`${method} ${path}: ${status} ${text.slice(0, 300)}; ${body?.toString().slice(0, 500)}`);
    }
  };
  const { impact } = await abused.during(() => Promise.all(Array.from({ length: 16 }, attacker)));
  const told = [...statuses]
    .toSorted(([a], [b]) => a - b)
    .map(([status, count]) => `${count} with ${status}`)
    .join(', ');
  t.diagnostic(`seed ${SEED}: ${told}; ${showImpact(impact)}`);
  assert.deepEqual(faults.slice(0, 10), [], `seed ${SEED}: ${faults.length} faults`);
  assert.equal(abused.server.process.exitCode, null);
});

test('who hangs up leaves nothing behind', async (t) => {
  const { httpPort, queue } = abused;
  const json = { 'content-type': 'application/json' };
  const body = '{"watch":true}';
  const requests = [
    head(`GET /v1/queue/${queue}`, {}),
    head('POST /v1/queue', { ...json, 'content-length': 1000 }),
    `${head(`POST /v1/job-set/${queue}/none`, { ...json, 'content-length': body.length })}${body}`,
    'GET /v1/que',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  ];
  const openBefore = abused.openFiles();
  const beforeMib = abused.rssMib();
  const { impact } = await abused.during(async () => {
    for (const request of requests) await hangUp(httpPort, HANG_UPS / requests.length, request);
  });
  for (let i = 0; i < 50 && abused.openFiles() > openBefore; i++) await sleep(100);
  t.diagnostic(
    `${HANG_UPS} hung up: ${showImpact(impact)}; ${openBefore} files before, ${abused.openFiles()} after`,
  );
  judge('hanging up', impact, beforeMib);
  assert.ok(abused.openFiles() <= openBefore, `${abused.openFiles()} files, ${openBefore} before`);
});

if (IS_LONG) {
  test('connections that were slow are hung up in the end', async () => {
    const untilMs = begunMs + SLOW_MS;
    const open = (): number => begun.reduce((sum, slow) => sum + slow.open(), 0);
    while (open() > 0 && performance.now() < untilMs) await sleep(500);
    assert.equal(open(), 0);
  });
}
