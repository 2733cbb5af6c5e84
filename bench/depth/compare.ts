// Whether it matters how many jobs are queued: the same probes, one at a time, on
// a server with 1,000 and on one with 1,000,000 queued jobs, filled over gRPC, in
// 64 scheduling classes, 4 queues and job sets of 10,000. Then what a queued job
// takes of memory, and how soon a server that starts with all of them leases a
// new job. With Redis also what a queued job takes there, and what server and
// Redis do in a minute in which nothing happens.
//
// ARMADA_BENCH_DEPTH sets another number of jobs, for a quick look.
import { cancelJobSet } from '@armada-ts/client';
import { setTimeout as sleep } from 'node:timers/promises';
import { printTable, percentile } from '../measuring/figures.ts';
import { collectedMemory, type Memory } from '../measuring/memory.ts';
import { cpuMicrosOf } from '../measuring/processes.ts';
import { usedMemory } from '../measuring/redis.ts';
import { probeAll, type Samples, SMALL, submitOne, watch } from './probes.ts';
import { type Engine, fill, PROBES, startWorld, submitMany, type World } from './world.ts';

const SHALLOW = 1_000;
const DEEP = Number(process.env['ARMADA_BENCH_DEPTH'] ?? 1_000_000);
/** Jobs that come and go before anything is measured, so that bounded buffers are full with few queued jobs too. */
const WARM_UP = 60_000;
/** A minute in which nothing happens, and what is left alone before it. */
const IDLE_MS = 60_000;
const SETTLING_MS = 5_000;
/** Page caches of the store's two connections (schema.ts); full when there are many jobs. */
const PAGE_CACHE_BYTES = (64 + 32) * 1024 * 1024;

export async function compareDepths(engine: Engine): Promise<void> {
  await using few = await startWorld(engine);
  await using many = await startWorld(engine);
  for (const world of [few, many]) await warmUp(world);
  await fill(few, SHALLOW);
  const before = many.redis && (await usedMemory(many.redis));
  const { seconds } = await fill(many, DEEP);
  const rate = Math.round(DEEP / seconds).toLocaleString('en');
  console.log(`${DEEP.toLocaleString('en')} queued jobs, ${many.store}; submitted at ${rate} jobs/s`);
  if (many.redis && before !== undefined) {
    const bytes = (await usedMemory(many.redis)) - before;
    console.log(`${(bytes / DEEP).toFixed(0)} bytes a job in Redis`);
  }
  const [ofFew = {}, ofMany = {}] = await probeAll([few, many]);
  printProbes(ofFew, ofMany);
  printMemory('after that', await collectedMemory(few.server), await collectedMemory(many.server), engine);
  for (const world of [few, many]) await world.stopServer();
  await few.restartServer();
  await printStart(many);
  printMemory('after a start', await collectedMemory(few.server), await collectedMemory(many.server), engine);
  await printIdle(many);
}

async function warmUp(world: World): Promise<void> {
  const set = { queue: PROBES, jobSetId: 'warm-up' };
  using seen = watch(world, set.queue, set.jobSetId);
  await submitMany(world, { ...set, jobs: WARM_UP });
  await cancelJobSet(world.connection, set);
  await seen.count('cancelled', WARM_UP);
}

function printProbes(few: Samples, many: Samples): void {
  printTable(
    Object.entries(few).map(([name, samples]) => {
      const deep = many[name] ?? [];
      return {
        ms: name,
        'few p50': percentile(samples, 0.5),
        'many p50': percentile(deep, 0.5),
        ratio: percentile(deep, 0.5) / percentile(samples, 0.5),
        'few p99': percentile(samples, 0.99),
        'many p99': percentile(deep, 0.99),
      };
    }),
  );
}

function printMemory(when: string, few: Memory, many: Memory, engine: Engine): void {
  const more = many.resident - few.resident;
  const each = (bytes: number): string => `${(bytes / DEEP).toFixed(0)} bytes a job`;
  console.log(
    `\nmemory ${when}, after a forced collection: ${mebibytes(few.resident)} with few, ${mebibytes(many.resident)} with many`,
  );
  const beyond = `; ${each(more - PAGE_CACHE_BYTES)} beyond the page caches of SQLite`;
  console.log(`  ${each(more)} more${engine === 'sqlite' ? beyond : ''}`);
  console.log(`  ${each(countedBytes(many) - countedBytes(few))} more in objects and buffers of all threads`);
  for (const [name, heap] of Object.entries(many.heaps)) {
    const objects = `objects ${mebibytes(heap)} (${mebibytes(few.heaps[name] ?? 0)})`;
    const buffers = `buffers ${mebibytes(many.buffers[name] ?? 0)} (${mebibytes(few.buffers[name] ?? 0)})`;
    console.log(`  ${name}: ${objects}, ${buffers}`);
  }
}

function countedBytes({ heaps, buffers }: Memory): number {
  return [...Object.values(heaps), ...Object.values(buffers)].reduce((sum, bytes) => sum + bytes, 0);
}

function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(0)} MiB`;
}

/** From the start of the process to the first lease of a job that was submitted to it. */
async function printStart(world: World): Promise<void> {
  const from = performance.now();
  await world.restartServer();
  const up = performance.now();
  const jobSetId = 'after-start';
  using seen = watch(world, PROBES, jobSetId);
  const jobId = await submitOne(world, { queue: PROBES, jobSetId, needs: SMALL });
  const leased = await seen.event('leased', jobId);
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(2)} s`;
  const cpuMs = cpuMicrosOf(world.server.process.pid ?? 0) / 1000;
  console.log(
    `\nstart with ${DEEP.toLocaleString('en')} queued jobs: listening after ${seconds(up - from)}, ` +
      `first new lease after ${seconds(leased - from)}; ${seconds(cpuMs)} of CPU time`,
  );
}

/** CPU time while nothing happens. */
async function printIdle({ server, redis }: World): Promise<void> {
  await sleep(SETTLING_MS);
  const pids = { server: server.process.pid ?? 0, ...(redis && { Redis: redis.process.pid ?? 0 }) };
  const cpu = (): number[] => Object.values(pids).map(cpuMicrosOf);
  const before = cpu();
  await sleep(IDLE_MS);
  const after = cpu();
  const shares = Object.keys(pids).map((name, i) => {
    const micros = (after[i] ?? 0) - (before[i] ?? 0);
    return `${name} ${((micros / 1000 / IDLE_MS) * 100).toFixed(2)} % of a core`;
  });
  console.log(`\nidle for ${IDLE_MS / 1000} s with all of them queued: ${shares.join(', ')}`);
}
