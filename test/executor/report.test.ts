import { status } from '@grpc/grpc-js';
import { systemClock } from '@armada-ts/executor/clock';
import { heldRun } from '@armada-ts/executor/held-run';
import { ReportLoop } from '@armada-ts/executor/report';
import type { Connection } from '@armada-ts/executor/connection';
import type { Runtime } from '@armada-ts/executor/runtime';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sampleLease } from './lease.ts';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

test('what waits for the end of its pause is said as soon as the server is known to be back', async () => {
  let calls = 0;
  let called = Promise.withResolvers<void>();
  const reportEvents = (...parameters: unknown[]): void => {
    const done = parameters.at(-1) as (error: unknown) => void;
    const isAway = ++calls <= 5;
    setImmediate(() => {
      done(isAway ? { code: status.UNAVAILABLE, details: 'away' } : null);
      if (calls >= 5) called.resolve();
    });
  };
  const run = heldRun(sampleLease(''), 'local-0', 0);
  const loop = new ReportLoop({
    connection: { executorApi: { reportEvents }, metadata: () => ({}) } as unknown as Connection,
    runtime: { held: () => [run], holds: () => true } as unknown as Runtime,
    reporter: { executorId: 'executor-a', poolOf: () => 'default' },
    clock: systemClock,
    logger: silent,
    onTold: () => {},
  });
  await called.promise;
  called = Promise.withResolvers<void>();
  const beganMs = performance.now();
  loop.retry();
  await called.promise;
  // The pause after five failures is 800 ms at least.
  assert.ok(performance.now() - beganMs < 400);
  await loop.close(0);
});
