import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { RetryInfo } from '@armada-ts/api/google/rpc/error_details';
import { Status } from '@armada-ts/api/google/rpc/status';
import { type ServiceError, status } from '@grpc/grpc-js';
import type { Clock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { type Admission, type Admitted, createAdmission, type Rank, rankOf } from './admission.ts';
import { watchLateness } from './lateness.ts';
import { serving, type UnaryMethod } from '../grpc/testing/serving.ts';

const KiB = 1024;
const clock: Clock = { now: () => 0, elapsed: () => 0 };

const admissionAt = (lateMs: () => number): Admission =>
  createAdmission({ lateMs, clock, logger: silentLogger });

/** Lets calls of a connection in until one is refused. */
function fill(admission: Admission, connection: string, rank: Rank = 'write', bytes = 64 * KiB): Admitted[] {
  const admitted: Admitted[] = [];
  for (;;) {
    const answer = admission.enter({ rank, isStream: false, connection });
    if ('retryAfterMs' in answer) return admitted;
    answer.arrived(bytes);
    admitted.push(answer);
    assert(admitted.length < 10_000, 'there is a bound');
  }
}

test('rankOf() tells what adds work from what only reads, and from what must go on', () => {
  const ranks: Record<Rank, string[]> = {
    write: ['/api.Submit/SubmitJobs', '/api.Submit/ReprioritizeJobs', '/api.QueueService/CreateQueue'],
    read: [
      '/api.Event/GetJobSetEvents',
      '/api.Event/Watch',
      '/api.Jobs/GetJobDetails',
      '/armada.jobs.v1.JobListService/ListJobs',
      '/armada.logs.v1.LogService/ReadLog',
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
    ],
    vital: [
      '/executorapi.ExecutorApi/LeaseJobRuns',
      '/executorapi.ExecutorApi/ReportEvents',
      '/armada.executor.v1.ExecutorLinkService/Link',
      '/armada.server.v1.PeerService/ReadLog',
      '/api.Submit/CancelJobSet',
      '/api.Submit/PreemptJobs',
      '/api.Executor/UpsertExecutorSettings',
      '/api.Event/Health',
      '/api.Event/ReportMultiple',
      '/grpc.health.v1.Health/Check',
      '/grpc.health.v1.Health/Watch',
    ],
  };
  for (const [rank, paths] of Object.entries(ranks)) {
    for (const path of paths) assert.equal(rankOf(path), rank, path);
  }
});

test('one connection gets half of what there is, and others find what they need', () => {
  const admission = admissionAt(() => 0);
  const noisy = fill(admission, 'noisy');
  assert.ok(noisy.length >= 62 && noisy.length <= 66, `${noisy.length} of 128 requests of 64 KiB`);
  const quiet = fill(admission, 'quiet');
  assert.ok(quiet.length >= 30 && quiet.length <= 34, `${quiet.length} of the 64 that are left`);
  for (const one of [...noisy, ...quiet]) {
    one.over();
    one.over();
  }
  assert.ok(fill(admission, 'noisy').length >= noisy.length, 'all has been given back');
});

test('connections without number leave no room for more, and make room again', () => {
  const admission = admissionAt(() => 0);
  let count = 0;
  let some: Admitted[] = [];
  for (; count < 10_000; count++) {
    const got = fill(admission, `connection-${count}`);
    if (got.length === 0) break;
    some = got;
  }
  assert.ok(count < 200, `${count} connections with requests of 64 KiB in 8 MiB`);
  for (const one of some) one.over();
  assert.equal(fill(admission, 'another').length, some.length);
});

test('many small requests are taken, for each counts as little', () => {
  assert.equal(
    fill(
      admissionAt(() => 0),
      'one',
      'write',
      100,
    ).length,
    2048,
  );
});

test('room shrinks while requests take long, and grows again when it is needed and they do not', () => {
  let nowMs = 0;
  const stepped: Clock = { now: () => 0, elapsed: () => nowMs };
  const admission = createAdmission({ lateMs: () => 0, clock: stepped, logger: silentLogger });
  /** Answers all that two connections have under way; how much one had. */
  const answerAll = (tookMs: number): number => {
    const admitted = [fill(admission, 'one'), fill(admission, 'other')];
    nowMs += tookMs;
    for (const one of admitted.flat()) one.over();
    return admitted[0]?.length ?? 0;
  };
  const first = answerAll(2000);
  assert.ok(first >= 62 && first <= 66, `${first} of 64 KiB are half of 8 MiB`);
  const least = answerAll(100);
  assert.ok(least >= 8 && least <= 9, `${least} of 64 KiB are half of 1 MiB`);
  for (let i = 0; i < 40; i++) answerAll(100);
  const most = answerAll(100);
  assert.ok(most >= 126 && most <= 130, `${most} of 64 KiB are half of 16 MiB`);
});

test('requests that do not come take little room from those that do', () => {
  const admission = admissionAt(() => 0);
  // Learns that requests are large.
  for (let i = 0; i < 3; i++) for (const one of fill(admission, 'one')) one.over();
  const waiting: Admitted[] = [];
  for (;;) {
    const answer = admission.enter({ rank: 'write', isStream: false, connection: 'slow' });
    if ('retryAfterMs' in answer) break;
    waiting.push(answer);
  }
  const before = fill(admission, 'other').length;
  assert.ok(before < waiting.length);
  for (const one of waiting) one.stalled();
  assert.ok(fill(admission, 'another').length > before * 1.4);
});

test('room that nobody needed does not grow', () => {
  const admission = admissionAt(() => 0);
  for (let i = 0; i < 1000; i++) {
    const answer = admission.enter({ rank: 'write', isStream: false, connection: 'one' });
    assert(!('retryAfterMs' in answer));
    answer.arrived(64 * KiB);
    answer.over();
  }
  assert.ok(fill(admission, 'one').length <= 66);
});

test('a late thread takes fewer submits, later fewer reads, and every report', () => {
  let late = 0;
  const takenAt = (lateMs: number, rank: Rank): number => {
    late = lateMs;
    return fill(
      admissionAt(() => late),
      'one',
      rank,
    ).length;
  };
  const [idle, busy, swamped] = [0, 700, 2000].map((ms) => takenAt(ms, 'write'));
  assert.ok(busy! > 0 && swamped! > 0);
  assert.ok(Math.abs(busy! - idle! / 2) <= 2 && Math.abs(swamped! - idle! / 8) <= 2);
  assert.equal(takenAt(700, 'read'), takenAt(0, 'read'));
  assert.equal(takenAt(2000, 'read'), takenAt(0, 'read') / 8);
  assert.equal(takenAt(60_000, 'vital'), takenAt(0, 'vital'));
});

test('the hint is longer when the thread is very late, and refusals are logged now and then', () => {
  let nowMs = 0;
  let late = 0;
  const lines: object[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => void lines.push(fields) };
  const stepped = { now: () => 0, elapsed: () => nowMs };
  const admission = createAdmission({ lateMs: () => late, clock: stepped, logger });
  fill(admission, 'one');
  const refused = { rank: 'write', isStream: false, connection: 'one' } as const;
  assert.deepEqual(admission.enter(refused), { retryAfterMs: 500 });
  late = 2000;
  assert.deepEqual(admission.enter(refused), { retryAfterMs: 2000 });
  assert.equal(lines.length, 1);
  nowMs = 10_000;
  admission.enter(refused);
  assert.deepEqual(lines[1], { refused: { write: 3, read: 0, vital: 0 }, lateMs: 2000 });
});

test('watchLateness() notices a thread that is held up, while it is held up', async () => {
  let nowMs = 0;
  const lateness = watchLateness({ now: () => 0, elapsed: () => nowMs });
  nowMs = 1050;
  assert.equal(lateness.lateMs(), 1000);
  await sleep(80);
  assert.equal(lateness.lateMs(), 1000, 'the last turn was late');
  nowMs = 1100;
  await sleep(80);
  assert.ok(lateness.lateMs() <= 0);
  lateness.stop();
});

/** A method that answers nobody until it is told to. */
function unanswered() {
  let count = 0;
  const answer = Promise.withResolvers<string>();
  const ask: UnaryMethod = () => {
    count++;
    return answer.promise;
  };
  return { ask, answer, asked: () => count };
}

/** Every look at this clock is three seconds late. */
function slowClock(): Clock {
  let nowMs = 0;
  return { now: () => 0, elapsed: () => (nowMs += 3000) };
}

test('refused calls are told when to ask again and are not heard; what was let in is answered', async () => {
  const { ask, answer, asked } = unanswered();
  await using served = await serving({ ask }, { clock: slowClock() });
  const calls = Array.from({ length: 400 }, () => served.ask('go').catch((error: unknown) => error));
  const refused = new Set<ServiceError>();
  for (const one of calls) void one.then((error) => error !== 'yes' && refused.add(error as ServiceError));
  while (asked() + refused.size < 400) await sleep(10);
  assert.equal(asked(), 256);
  for (const error of refused) {
    assert.equal(error.code, status.RESOURCE_EXHAUSTED);
    const [bytes] = error.metadata.get('grpc-status-details-bin');
    const hint = Status.decode(bytes as Buffer).details.find(({ typeUrl }) => typeUrl.endsWith('RetryInfo'));
    assert.equal(hint && RetryInfo.decode(hint.value).retryDelay?.seconds, 2n);
  }
  answer.resolve('yes');
  assert.equal((await Promise.all(calls)).filter((one) => one === 'yes').length, 256);
  assert.equal(await served.ask('again'), 'yes', 'what was answered has made room');
});

test('a call counts until it is answered, though its client has gone', async () => {
  const { ask, answer, asked } = unanswered();
  await using served = await serving({ ask }, { clock: slowClock() });
  const calls = Array.from({ length: 256 }, () => served.openAsk('go'));
  while (asked() < 256) await sleep(10);
  for (const call of calls) call.cancel();
  await sleep(50);
  await assert.rejects(served.ask('more'), { code: status.RESOURCE_EXHAUSTED });
  answer.resolve('yes');
  await sleep(20);
  assert.equal(await served.ask('more'), 'yes');
});
