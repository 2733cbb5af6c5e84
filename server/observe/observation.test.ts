import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { createObservation } from './observation.ts';

test('refused strangers that were only counted are in the audit log of a server that has stopped', async () => {
  const records: object[] = [];
  const auditFile = { fault: undefined, append: (record: object) => void records.push(record) };
  const observation = createObservation(
    { tracing: { sampleRatio: 1 }, audit: { file: 'x', calls: 'changes', required: false } },
    { clock: systemClock, logger: silentLogger, server: { name: 'a', version: '1' }, auditFile },
  );
  const incoming = {
    protocol: 'grpc',
    path: '/api.Submit/CreateQueue',
    peer: '10.1.2.3:4567',
    certificate: undefined,
    requestId: 'mine',
    headers: () => [],
    gone: new AbortController().signal,
  } as const;
  for (let i = 0; i < 103; i++) {
    observation.observer.began(incoming, 'unary').over(new ArmadaError('UNAUTHENTICATED', 'who are you'));
  }
  assert.equal(records.length, 100);
  await observation[Symbol.asyncDispose]();
  const last = { ...records.at(-1), time: undefined };
  assert.deepEqual(last, { time: undefined, event: 'refused', from: '10.1.2.3', calls: 3 });
  assert.equal(records.length, 101);
});
