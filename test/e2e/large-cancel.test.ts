// Cancelling a job set of many jobs takes seconds, and meanwhile the jobs of
// another queue are submitted and run as if nothing were going on.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SubmitService } from '@armada-ts/api/api/submit';
import { cancelJobSet, connect, type Connection, createQueue, watchJobSet } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { jobItem } from './items.ts';
import { temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { startSimulatedNodes } from './simulated-nodes.ts';

const JOBS = process.env['ARMADA_TEST_LONG'] === '1' ? 100_000 : 5_000;
const BIG = { queue: 'big', jobSetId: 'big' };
const SMALL = { queue: 'small', jobSetId: 'small' };
const SUBMIT_EVERY_MS = 50;

/** Jobs of the other queue, one every so often. */
interface Probe extends AsyncDisposable {
  /** Milliseconds from submit to success, of the jobs submitted since the last call, once they have ended. */
  take(): Promise<number[]>;
}

function startProbe(connection: Connection): Probe {
  const submitted = new Map<string, number>();
  const took: number[] = [];
  const stopping = new AbortController();
  const { signal } = stopping;
  // Until the server has named the job, its end is remembered here.
  const ended = new Map<string, number>();
  const settle = (jobId: string): void => {
    const [from, to] = [submitted.get(jobId), ended.get(jobId)];
    if (from === undefined || to === undefined) return;
    took.push(to - from);
    submitted.delete(jobId);
    ended.delete(jobId);
  };
  const watching = (async () => {
    for await (const { body } of watchJobSet(connection, { ...SMALL, signal })) {
      if (body.$case !== 'succeeded') continue;
      ended.set(body.value.jobId, performance.now());
      settle(body.value.jobId);
    }
  })().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
  const submit = async (): Promise<void> => {
    const fromMs = performance.now();
    const request = { ...SMALL, jobRequestItems: [jobItem({ nodeSelector: { kind: 'simulated' } })] };
    const { jobResponseItems } = await connection.call(SubmitService.submitJobs, request);
    const jobId = jobResponseItems[0]?.jobId ?? '';
    submitted.set(jobId, fromMs);
    settle(jobId);
  };
  const submitting = (async () => {
    const calls: Promise<void>[] = [];
    // None waits for the one before: a server that is slow to answer gets no fewer.
    for (; !signal.aborted; await sleep(SUBMIT_EVERY_MS)) calls.push(submit());
    await Promise.all(calls);
  })();
  return {
    async take() {
      const open = [...submitted.keys()];
      while (open.some((jobId) => submitted.has(jobId))) await sleep(5);
      return took.splice(0);
    },
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await Promise.all([watching, submitting]);
    },
  };
}

async function submitBig(connection: Connection): Promise<void> {
  for (let sent = 0; sent < JOBS; sent += 1_000) {
    const jobRequestItems = Array.from({ length: 1_000 }, (_, i) => jobItem({ clientId: `${sent + i}` }));
    await connection.call(SubmitService.submitJobs, { ...BIG, jobRequestItems });
  }
}

async function liveJobs(connection: Connection): Promise<number> {
  const { activeJobSets } = await connection.call(SubmitService.getQueueInfo, { name: BIG.queue });
  return activeJobSets.reduce((sum, { queuedJobs, leasedJobs }) => sum + queuedJobs + leasedJobs, 0);
}

/** The value that so much of the list does not exceed. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}

test(`a job set of ${JOBS} jobs is cancelled while another queue goes on as before`, async (t) => {
  const directory = await temporaryDirectory({ after });
  const server = await startServer(directory, { auth: standaloneAuth });
  t.after(() => server.kill('SIGKILL'));
  const executor = await startSimulatedNodes(directory, server.address, {
    minRunMs: 1,
    meanRunMs: 1,
    maxRunMs: 1,
  });
  t.after(() => executor.kill('SIGKILL'));
  using connection = connect({ address: server.address });
  await createQueue(connection, { name: BIG.queue, cordoned: true });
  await createQueue(connection, { name: SMALL.queue });
  await submitBig(connection);
  assert.equal(await liveJobs(connection), JOBS);

  await using probe = startProbe(connection);
  // The first ones warm everything up.
  await sleep(1_000);
  await probe.take();
  await sleep(2_000);
  const before = await probe.take();

  const askedMs = performance.now();
  await cancelJobSet(connection, { ...BIG, reason: 'enough' });
  while ((await liveJobs(connection)) > 0) await sleep(20);
  const cancelMs = performance.now() - askedMs;
  const during = await probe.take();

  const [p50, p90, max] = [0.5, 0.9, 1].map((share) => ({
    before: quantile(before, share),
    during: quantile(during, share),
  }));
  const shown = (of: typeof p50): string => `${of?.before.toFixed()} -> ${of?.during.toFixed()} ms`;
  t.diagnostic(`${JOBS} jobs cancelled in ${cancelMs.toFixed()} ms`);
  t.diagnostic(
    `submit to success of ${before.length} -> ${during.length} other jobs: ` +
      `median ${shown(p50)}, p90 ${shown(p90)}, longest ${shown(max)}`,
  );
  assert.ok(cancelMs < 5_000 + JOBS / 4, `cancelling took ${cancelMs} ms`);
  assert.ok(during.length > 0);
  assert.ok(p90 && p90.during <= 5 * p90.before + 1_000, `other jobs were held up: p90 ${shown(p90)}`);
  assert.ok(max && max.during <= 3_000 + 3 * max.before, `a job was held up: ${shown(max)}`);
});
