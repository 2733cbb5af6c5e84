// Whether it matters how many jobs are queued: the same probes, one at a time, on
// a server with 1,000 and on one with 1,000,000 queued jobs, filled over gRPC, in
// 64 scheduling classes, 4 queues and job sets of 10,000. Then what a queued job
// takes of memory, and how soon a server that starts with all of them leases a
// new job.
//
// ARMADA_BENCH_DEPTH sets another number of jobs, for a quick look.
import { cancelJobSet } from '@armada-ts/client';
import { printTable, percentile } from './measuring/figures.ts';
import { collectedMemory, type Memory } from './measuring/memory.ts';
import { cpuMicrosOf } from './measuring/processes.ts';
import { probeAll, type Samples, SMALL, submitOne, watch } from './depth/probes.ts';
import { fill, PROBES, startWorld, submitMany, type World } from './depth/world.ts';

const SHALLOW = 1_000;
const DEEP = Number(process.env['ARMADA_BENCH_DEPTH'] ?? 1_000_000);
/** Jobs that come and go before anything is measured, so that bounded buffers are full with few queued jobs too. */
const WARM_UP = 60_000;
/** Page caches of the store's two connections (schema.ts); full when there are many jobs. */
const PAGE_CACHE_BYTES = (64 + 32) * 1024 * 1024;

export async function run(): Promise<void> {
  await using few = await startWorld();
  await using many = await startWorld();
  for (const world of [few, many]) await warmUp(world);
  await fill(few, SHALLOW);
  const { seconds } = await fill(many, DEEP);
  const rate = Math.round(DEEP / seconds).toLocaleString('en');
  console.log(`${DEEP.toLocaleString('en')} queued jobs, sqlite synced; submitted at ${rate} jobs/s`);
  const [ofFew = {}, ofMany = {}] = await probeAll([few, many]);
  printProbes(ofFew, ofMany);
  printMemory('after that', await collectedMemory(few.server), await collectedMemory(many.server));
  for (const world of [few, many]) await world.stopServer();
  await few.restartServer();
  await printStart(many);
  printMemory('after a start', await collectedMemory(few.server), await collectedMemory(many.server));
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

function printMemory(when: string, few: Memory, many: Memory): void {
  const more = many.resident - few.resident;
  const each = (bytes: number): string => `${(bytes / DEEP).toFixed(0)} bytes a job`;
  console.log(
    `\nmemory ${when}, after a forced collection: ${mebibytes(few.resident)} with few, ${mebibytes(many.resident)} with many`,
  );
  console.log(`  ${each(more)} more; ${each(more - PAGE_CACHE_BYTES)} beyond the page caches of SQLite`);
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
