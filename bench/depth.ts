// Whether it matters how many jobs are queued: the same probes, one at a time,
// with 1,000 and with 1,000,000 jobs in the queues of one server that was filled
// over gRPC, in 64 scheduling classes, 4 queues and job sets of 10,000. Then what a
// queued job takes of memory, and how soon a server that starts with all of
// them leases a new job.
//
// ARMADA_BENCH_DEPTH sets another number of jobs, for a quick look.
import { cancelJobSet } from '@armada-ts/client';
import { printTable, percentile } from './measuring/figures.ts';
import { collectedMemory, type Memory } from './measuring/memory.ts';
import { probe, type Samples, SMALL, submitOne, watch } from './depth/probes.ts';
import { fill, PROBES, startWorld, submitMany, type World } from './depth/world.ts';

const SHALLOW = 1_000;
const DEEP = Number(process.env['ARMADA_BENCH_DEPTH'] ?? 1_000_000);
/** Jobs that come and go before anything is measured, so that all bounded buffers are full in both cases. */
const WARM_UP = 60_000;
/** Page caches of the store's two connections (schema.ts); full when there are many jobs. */
const PAGE_CACHE_BYTES = (64 + 32) * 1024 * 1024;

export async function run(): Promise<void> {
  await using world = await startWorld();
  await warmUp(world);
  await fill(world, SHALLOW);
  const few = await probe(world, 'few');
  const fewMemory = await collectedMemory(world.server);
  const { seconds } = await fill(world, DEEP);
  const rate = Math.round((DEEP - SHALLOW) / seconds).toLocaleString('en');
  console.log(`${DEEP.toLocaleString('en')} queued jobs, sqlite synced; submitted at ${rate} jobs/s`);
  const many = await probe(world, 'many');
  printProbes(few, many);
  printMemory(fewMemory, await collectedMemory(world.server));
  await world.stopServer();
  await printStart(world);
  printMemory(fewMemory, await collectedMemory(world.server));
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

function printMemory(few: Memory, many: Memory): void {
  const more = many.resident - few.resident;
  const each = (bytes: number): string => `${(bytes / DEEP).toFixed(0)} bytes a job`;
  console.log(
    `\nmemory after a forced collection: ${mebibytes(few.resident)} with few, ${mebibytes(many.resident)} with many`,
  );
  console.log(`  ${each(more)} more; ${each(more - PAGE_CACHE_BYTES)} beyond the page caches of SQLite`);
  for (const [name, heap] of Object.entries(many.heaps)) {
    const objects = `objects ${mebibytes(heap)} (${mebibytes(few.heaps[name] ?? 0)})`;
    const buffers = `buffers ${mebibytes(many.buffers[name] ?? 0)} (${mebibytes(few.buffers[name] ?? 0)})`;
    console.log(`  ${name}: ${objects}, ${buffers}`);
  }
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
  const seconds = (at: number): string => ((at - from) / 1000).toFixed(2);
  console.log(
    `\nstart with ${DEEP.toLocaleString('en')} queued jobs: listening after ${seconds(up)} s, first new lease after ${seconds(leased)} s`,
  );
}
