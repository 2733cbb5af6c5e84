import { status } from '@grpc/grpc-js';
import type { EventList } from '@armada-ts/api/executorapi/executorapi';
import { systemClock } from '@armada-ts/executor/clock';
import { heldRun } from '@armada-ts/executor/held-run';
import { ReportLoop } from '@armada-ts/executor/report';
import type { Connection } from '@armada-ts/executor/connection';
import type { Runtime } from '@armada-ts/executor/runtime';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sampleLease } from './lease.ts';
import { busyFor } from './server.ts';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A server that is always there, and answers reports like this. */
function connectionTo(reportEvents: unknown): Connection {
  const server = { executorApi: { reportEvents } };
  const reach = async (): Promise<unknown> => server;
  return { reach, passOver: () => {}, metadata: () => ({}) } as unknown as Connection;
}

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
    connection: connectionTo(reportEvents),
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

test('a server that has too much to do is given the time it asks for, smaller reports, and in the end all', async () => {
  const calls: { atMs: number; events: number }[] = [];
  const taken: string[] = [];
  const reportEvents = (list: EventList, ...parameters: unknown[]): void => {
    const done = parameters.at(-1) as (error: unknown) => void;
    const events = list.events.flatMap((sequence) => sequence.events);
    calls.push({ atMs: performance.now(), events: events.length });
    const isBusy = calls.length <= 2;
    if (!isBusy) for (const { event } of events) taken.push(event?.$case ?? '');
    setImmediate(() => done(isBusy ? busyFor(300) : null));
  };
  const runs = Array.from({ length: 40 }, () => heldRun(sampleLease(''), 'local-0', 0));
  const loop = new ReportLoop({
    connection: connectionTo(reportEvents),
    runtime: { held: () => runs, holds: () => true } as unknown as Runtime,
    reporter: { executorId: 'executor-a', poolOf: () => 'default' },
    clock: systemClock,
    logger: silent,
    onTold: () => {},
  });
  while (taken.length < runs.length) await sleep(20);
  assert.equal(taken.length, runs.length, 'each once');
  assert.deepEqual(
    calls.slice(0, 4).map(({ events }) => events),
    [40, 20, 10, 20],
  );
  const pauses = calls.slice(1, 3).map(({ atMs }, index) => atMs - (calls[index]?.atMs ?? 0));
  assert.ok(
    pauses.every((pauseMs) => pauseMs >= 290),
    pauses.join(' and '),
  );
  await loop.close(0);
});
