// Streams that are open while time takes away what their callers were let in by:
// with credentials of every scheme that run out, on a real server whose clock is moved on.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { SubmitService } from '@armada-ts/api/api/submit';
import { connect, getQueue } from '@armada-ts/client';
import { type Clock, systemClock } from '@armada-ts/server/base/clock';
import { type AnyMethod, call } from './calls.ts';
import { replaceFile } from './certificates.ts';
import { allEnding, endings, openWatches } from './open-streams.ts';
import { temporaryDirectory } from './programs.ts';
import { type PeopleServer, type Person, SCIENTISTS, startPeopleServer } from './scheme-people.ts';
import { createTargets } from './targets.ts';
import { authorization, queueOf } from './users.ts';

const HOUR_MS = 60 * 60_000;

let shiftMs = 0;
const clock: Clock = {
  now: () => systemClock.now() + shiftMs,
  elapsed: () => systemClock.elapsed() + shiftMs,
};
const directory = await temporaryDirectory({ after });
let server: PeopleServer;

before(async () => {
  server = await startPeopleServer(directory, clock);
  const queue = { ...queueOf('q2'), name: 'watched', groupOwners: SCIENTISTS };
  await done(QueueServiceService.createQueue, queue);
  await newJob('watched');
});
after(() => server[Symbol.asyncDispose]());

const { done, newJob } = createTargets(() => server.grpc);

function scientist(scheme: string): Person {
  const found = server.people.find((one) => one.scheme === scheme && one.isInScience);
  assert.ok(found, scheme);
  return found;
}

test('streams of a token end when its provider has the key no more that it is signed with', async () => {
  const person = scientist('oidc');
  const [streams, keeping] = [
    await openWatches(person, 'watched'),
    await openWatches(scientist('basic'), 'watched'),
  ];
  await server.provider.rotate(false);
  // Nobody else comes: it is the open streams that have the keys read again.
  shiftMs += 3 * 60_000;
  assert.deepEqual(await endings(streams), allEnding(streams, 'UNAUTHENTICATED'));
  assert.deepEqual(await endings(keeping, 100), allEnding(keeping, 'still open'));
  const health = SubmitService.health as AnyMethod;
  const { code } = await call(server.grpc, health, {}, await person.credentials());
  assert.equal(code, 'UNAUTHENTICATED');
});

test('streams end when tokens and tickets do', async () => {
  const token = await server.provider.clientToken(HOUR_MS / 2_000);
  const renewed = { ...scientist('oidc'), credentials: () => authorization(`Bearer ${token}`) };
  const losing = [];
  const others = ['token', 'kubernetes', 'kerberos'].map(scientist);
  for (const person of [renewed, ...others]) losing.push(...(await openWatches(person, 'watched')));
  const keeping = await openWatches(scientist('basic'), 'watched');
  shiftMs += HOUR_MS;
  assert.deepEqual(await endings(losing), allEnding(losing, 'UNAUTHENTICATED'));
  assert.deepEqual(await endings(keeping, 100), allEnding(keeping, 'still open'));
});

test('a client whose certificate was replaced in time is never refused', { timeout: 60_000 }, async () => {
  const { authority, address } = server;
  const [shown, next] = [
    await authority.issue('carl', { subject: '/CN=carl', days: 1 }),
    await authority.issue('next', { subject: '/CN=carl', days: 8 }),
  ];
  using connection = connect({ address, tls: { caFile: authority.certFile, ...shown } });
  await getQueue(connection, 'watched');
  const { validToDate } = new X509Certificate(await readFile(shown.certFile));
  await replaceFile(shown.certFile, await readFile(next.certFile));
  await replaceFile(shown.keyFile, await readFile(next.keyFile));
  // Clients look at their files every five seconds.
  await sleep(6_000);
  shiftMs = validToDate.getTime() - systemClock.now() - 3_900;
  const answers: string[] = [];
  while (clock.now() < validToDate.getTime() + 1_500) {
    const asked = getQueue(connection, 'watched').then(() => 'OK');
    answers.push(await asked.catch((error: { code: string }) => error.code));
    await sleep(50);
  }
  // A call that was under way when the connection ended may be lost.
  assert.deepEqual(new Set(answers.slice(-10)), new Set(['OK']));
  assert.ok(!answers.includes('UNAUTHENTICATED'), answers.join());
});

test('a connection ends before the certificate that its client has shown, whoever calls by it', async () => {
  const { ports } = scientist('mtls');
  const losing = await openWatches(scientist('mtls'), 'watched');
  losing.push(...(await openWatches({ ...scientist('basic'), ports }, 'watched')));
  const keeping = await openWatches(scientist('basic'), 'watched');
  // So shortly before it that the server has time to look once more.
  const { validToDate } = new X509Certificate(ports.tls?.cert ?? '');
  shiftMs = validToDate.getTime() - systemClock.now() - 3_900;
  const ended = await endings(losing);
  assert.deepEqual(
    ended.filter((end) => !/: (UNAVAILABLE|UNKNOWN|broken off)$/.test(end)),
    [],
  );
  assert.deepEqual(await endings(keeping, 100), allEnding(keeping, 'still open'));
});
