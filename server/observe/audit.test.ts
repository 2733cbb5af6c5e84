import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createAuthorizer } from '../auth/authorizer.ts';
import { createChain } from '../auth/chain.ts';
import { ArmadaError } from '../base/errors.ts';
import { callUnary, type Door, type Incoming, sendStream } from '../door/call.ts';
import { type Method, serverStream, unary } from '../door/method.ts';
import { noObserver } from '../door/observer.ts';
import { openDoor } from '../door/testing/doors.ts';
import { withAudit } from './audit.ts';
import type { AuditConfig } from './config.ts';

const CHANGE = '/api.QueueService/CreateQueue';

function incoming(path = CHANGE, headers: Record<string, string[]> = {}): Incoming {
  return {
    protocol: 'grpc',
    path,
    peer: '10.1.2.3:4567',
    certificate: undefined,
    requestId: 'mine',
    headers: (name) => headers[name] ?? [],
    gone: new AbortController().signal,
  };
}

/** A door that is audited, whose callers are ann, with what is recorded. */
function audited(config: Partial<AuditConfig> = {}, settings: Partial<Door> = {}) {
  const records: Record<string, unknown>[] = [];
  const file = {
    fault: undefined as string | undefined,
    append: (record: object) => void records.push({ ...record }),
  };
  const clock = { now: () => 0, elapsed: () => 0 };
  const named = {
    name: 'test',
    challenge: undefined,
    authenticate: (authorization: string | undefined) =>
      authorization === undefined ? { name: 'ann', groups: [], scopes: [], scheme: 'test' } : undefined,
  };
  const observer = withAudit(
    noObserver,
    { file: 'x', calls: 'changes', required: false, ...config },
    { file, clock },
  );
  return { records, file, door: openDoor({ observer, chain: createChain([named]), ...settings }) };
}

const fine = unary('authenticated', () => 'fine');

test('a change is recorded with who, by which scheme, what, on what, from where and how it ended', async () => {
  const { door, records } = audited();
  await callUnary(door, fine, incoming(), { name: 'team-a', permissions: ['secret'] });
  assert.deepEqual(records, [
    {
      time: '1970-01-01T00:00:00.000Z',
      event: 'call',
      requestId: 'mine',
      protocol: 'grpc',
      method: CHANGE,
      from: '10.1.2.3:4567',
      who: 'ann',
      scheme: 'test',
      on: { name: 'team-a' },
      code: 'OK',
    },
  ]);
});

test('objects are named and nothing else is: no secret, no spec, no endless list', async () => {
  const { door, records } = audited();
  const jobIds = Array.from({ length: 50 }, (_, i) => `job-${i}`);
  const request = {
    queue: 'q'.repeat(1000),
    jobIds,
    queues: [{ name: 'one', secret: 'hidden' }, 'two'],
    accessKey: 'key',
    secret: 'hidden',
    reason: 'hidden',
    jobRequestItems: [{ podSpec: 'hidden' }, {}],
  };
  await callUnary(door, fine, incoming(), request);
  const on = records[0]?.['on'] as Record<string, unknown>;
  assert.deepEqual(on, {
    queue: `${'q'.repeat(256)}...`,
    queues: ['one', 'two'],
    jobIds: jobIds.slice(0, 20),
    jobIdsLeftOut: 30,
    accessKey: 'key',
    jobs: 2,
  });
});

test('who is refused is recorded too, on calls that only read as well, without their credentials', async () => {
  const nobodyMay = createAuthorizer({ permissionGroupMapping: {}, permissionScopeMapping: {} });
  const { door, records } = audited({}, { authorizer: nobodyMay });
  const demanding = unary('create_queue', () => 'fine');
  await assert.rejects(callUnary(door, demanding, incoming('/api.QueueService/GetQueue'), {}));
  for (const authorization of ['Basic aGlkZGVuOmhpZGRlbg==', 'hidden']) {
    await assert.rejects(callUnary(door, fine, incoming(CHANGE, { authorization: [authorization] }), {}));
  }
  assert.deepEqual(
    records.map(({ who, scheme, offered, code, reason }) => ({ who, scheme, offered, code, reason })),
    [
      {
        who: 'ann',
        scheme: 'test',
        offered: undefined,
        code: 'PERMISSION_DENIED',
        reason: 'PERMISSION_DENIED',
      },
      {
        who: undefined,
        scheme: undefined,
        offered: 'basic',
        code: 'UNAUTHENTICATED',
        reason: 'UNAUTHENTICATED',
      },
      {
        who: undefined,
        scheme: undefined,
        offered: 'unknown',
        code: 'UNAUTHENTICATED',
        reason: 'UNAUTHENTICATED',
      },
    ],
  );
  assert.equal(/hidden|aGlk/.test(JSON.stringify(records)), false);
});

test('those whom nobody knows do not fill the log, and do not hide others in it', async () => {
  const { door, records } = audited();
  const rubbish = incoming(CHANGE, { authorization: ['rubbish'] });
  for (let i = 0; i < 1000; i++) await assert.rejects(callUnary(door, fine, rubbish, {}));
  assert.equal(records.length, 100);
  await callUnary(door, fine, incoming(), {});
  assert.equal(records.at(-1)?.['who'], 'ann');
});

test('calls that only read are recorded where all are wanted; tokens are a change though they are got', async () => {
  const table: [string, number, number][] = [
    ['/api.QueueService/GetQueue', 0, 1],
    ['/api.Jobs/GetJobStatus', 0, 1],
    ['/armada.operator.v1.FleetService/ListNodes', 0, 1],
    ['/grpc.health.v1.Health/Check', 0, 1],
    ['/executorapi.ExecutorApi/ReportEvents', 0, 1],
    ['/armada.auth.v1.KeyQueryService/GetToken', 1, 1],
    ['/api.Submit/SubmitJobs', 1, 1],
    ['/binoculars.Binoculars/Cordon', 1, 1],
    ['/some.Later/Thing', 1, 1],
  ];
  for (const [path, ofChanges, ofAll] of table) {
    const [changes, all] = [audited(), audited({ calls: 'all' })];
    for (const { door } of [changes, all]) await callUnary(door, fine, incoming(path), {});
    assert.deepEqual([changes.records.length, all.records.length], [ofChanges, ofAll], path);
  }
});

test('a stream is recorded when it is opened and when it has ended', async () => {
  const { door, records } = audited({ calls: 'all' });
  const method = serverStream('authenticated', async function* () {
    yield 'one';
    throw new ArmadaError('EVENTS_GONE', 'gone');
  });
  const to = { writableEnded: false, write: (_item: unknown, done: () => void) => done() };
  await assert.rejects(
    sendStream(door, method, incoming('/api.Event/Watch'), { request: { queue: 'q', jobSetId: 's' }, to }),
  );
  assert.deepEqual(
    records.map(({ event, who, on, code }) => ({ event, who, on, code })),
    [
      { event: 'opened', who: 'ann', on: { queue: 'q', jobSetId: 's' }, code: 'OK' },
      { event: 'ended', who: 'ann', on: { queue: 'q', jobSetId: 's' }, code: 'OUT_OF_RANGE' },
    ],
  );
});

test('where the log is required and cannot be written, what is to be recorded is refused before it is done', async () => {
  let served = 0;
  const counting: Method = unary('authenticated', () => ++served);
  for (const [required, expected] of [
    [true, 0],
    [false, 1],
  ] as const) {
    served = 0;
    const { door, file, records } = audited({ required });
    file.fault = 'no space';
    const called = callUnary(door, counting, incoming(), {});
    if (required) await assert.rejects(called, { code: 'UNAVAILABLE', message: /audit log/ });
    else await called;
    assert.equal(served, expected);
    assert.equal(records[0]?.['code'], required ? 'UNAVAILABLE' : 'OK');
    await callUnary(door, counting, incoming('/api.QueueService/GetQueue'), {});
    assert.equal(served, expected + 1, 'reading goes on');
  }
});
