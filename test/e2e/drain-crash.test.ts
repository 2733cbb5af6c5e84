// A server that is killed while it empties an executor goes on with it after its
// next start: with real programs, and as many queues as make it take a while.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { JobRunState } from '@armada-ts/api/api/job';
import { SubmitService } from '@armada-ts/api/api/submit';
import type { RunRecord } from '@armada-ts/api/armada/store/v1/store';
import { connect, createQueue, type JobSetEvent } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { replayStopped } from '../replay-stopped.ts';
import { eventually, openFleet } from './fleet-calls.ts';
import { jobItem } from './items.ts';
import { temporaryDirectory } from './programs.ts';
import { operatorOf, startServer } from './server.ts';
import { startSimulatedNodes } from './simulated-nodes.ts';
import { eventsUntil, have, idsWith } from './watching.ts';

/** Decisions about different queues go to the store one after the other, a few at a time. */
const QUEUES = Array.from({ length: 64 }, (_, n) => `q${n}`);
const JOBS_A_QUEUE = 6;
const JOBS = QUEUES.length * JOBS_A_QUEUE;
const JOB_SET = 'set';
const REASON = 'the rack moves';

const directory = await temporaryDirectory({ after });

async function launch(port: number) {
  const server = await startServer(directory, { auth: standaloneAuth, grpc: { port } });
  return { server, fleet: openFleet(await operatorOf(server, directory)) };
}

/** An executor with one large node that only pretends. */
async function startExecutor(
  t: TestContext,
  address: string,
  executorId: string,
  runMs: number,
): Promise<void> {
  const simulated = { minRunMs: runMs, meanRunMs: runMs, maxRunMs: runMs };
  const nodes = { name: executorId, count: 1, cpu: 1000, memory: '64Ti', ephemeralStorage: '640Ti' };
  const more = { executorId, nodes };
  const program = await startSimulatedNodes(join(directory, executorId), address, simulated, more);
  t.after(() => program.kill('SIGKILL'));
}

/** How many jobs were taken from their executor, in the store of a dead server; what it holds is what its events make. */
async function takenInStore(): Promise<number> {
  const { faults, records } = await replayStopped(`sqlite:${join(directory, 'server')}`);
  assert.deepEqual(faults, []);
  assert.equal(records.size, JOBS);
  const wasTaken = ({ state }: RunRecord): boolean => state === JobRunState.RUNS_STATE_LEASE_RETURNED;
  return [...records.values()].filter(({ runs }) => runs.some(wasTaken)).length;
}

test('a server that is killed in mid-drain goes on with it, and every job ends as it should, once', {
  timeout: 90_000,
}, async (t) => {
  let life = await launch(0);
  t.after(() => life.server.kill('SIGKILL'));
  const { address } = life.server;
  const connection = connect({ address });
  t.after(() => connection.close());
  const each = async (look: (set: { queue: string; jobSetId: string }) => Promise<JobSetEvent[]>) =>
    (await Promise.all(QUEUES.map((queue) => look({ queue, jobSetId: JOB_SET })))).flat();
  const all = (kind: JobSetEvent['body']['$case']) =>
    each((set) => eventsUntil(connection, set, have(kind, JOBS_A_QUEUE), 40_000));

  await startExecutor(t, address, 'east', 3_600_000);
  for (const queue of QUEUES) {
    await createQueue(connection, { name: queue });
    const jobRequestItems = Array.from({ length: JOBS_A_QUEUE }, () => jobItem({}));
    await connection.call(SubmitService.submitJobs, { queue, jobSetId: JOB_SET, jobRequestItems });
  }
  await all('running');
  await startExecutor(t, address, 'west', 50);

  const begun = Promise.race(
    QUEUES.map((queue) =>
      eventsUntil(connection, { queue, jobSetId: JOB_SET }, have('leaseReturned', 1), 20_000),
    ),
  );
  // Nobody waits for it any more when the drain is refused.
  begun.catch(() => {});
  const request = { name: 'east', reason: REASON, letRunningFinish: false };
  assert.partialDeepStrictEqual(await life.fleet.ask('drainExecutor', request), { runs: JOBS });
  await begun;
  await life.server.kill('SIGKILL');
  life.fleet[Symbol.dispose]();
  t.diagnostic(`${await takenInStore()} of ${JOBS} had been taken from it when the server died`);
  life = await launch(Number(address.split(':').at(-1)));

  const events = await all('succeeded');
  for (const kind of ['leaseReturned', 'succeeded'] as const) {
    const ids = idsWith(kind, events);
    assert.deepEqual([ids.length, new Set(ids).size], [JOBS, JOBS], kind);
  }
  assert.deepEqual(idsWith('failed', events), []);
  const { body } = events.find((event) => event.body.$case === 'leaseReturned')!;
  assert.partialDeepStrictEqual(body.value, {
    reason: `Drained by operator - ${REASON}`,
    runAttempted: false,
  });
  const east = await eventually(
    () => life.fleet.executor('east'),
    (found) => found?.stoppingRuns === 0 && found.used.size === 0,
  );
  assert.deepEqual(
    [east?.runs, east?.alive, east?.cordon?.draining, east?.cordon?.reason],
    [0, true, true, REASON],
  );
  life.fleet[Symbol.dispose]();
  connection.close();
  assert.equal(await life.server.kill('SIGTERM'), 0, life.server.lines.join('\n'));
  assert.equal(await takenInStore(), JOBS);
});
