/** Job sets: their counters, and their names in order. */
import type { JobSetInfo } from '../store.ts';
import { jobSetOf, setName } from './keys.ts';
import { listOf, type Partition, partitionOf } from './partition.ts';
import { JOB_SETS } from './scripts/read.ts';

/** Job sets that are looked up at once. */
const JOB_SETS_AT_ONCE = 500;
/** Between the names of a queue and a job set; and the least byte after it. */
const [ZERO, ONE] = ['\0', '\x01'];

/** The reads of store.ts that are about job sets. */
export function createJobSets(partitions: readonly Partition[]) {
  return {
    async jobSet(queue: string, jobSet: string): Promise<JobSetInfo | undefined> {
      return (await infoOf(partitionOf(partitions, queue), [setName(queue, jobSet)]))[0];
    },
    async activeJobSets(queue: string): Promise<JobSetInfo[]> {
      const partition = partitionOf(partitions, queue);
      const bounds = [`[${queue}${ZERO}`, `(${queue}${ONE}`];
      const [names] = await partition.read([['ZRANGEBYLEX', `${partition.key}:active`, ...bounds]]);
      return await infoOf(partition, listOf(names ?? null).map(String));
    },
    async jobSetNames(queue: string, from: string, limit: number): Promise<string[]> {
      const partition = partitionOf(partitions, queue);
      const bounds = [`[${setName(queue, from)}`, `(${queue}${ONE}`];
      const range = ['ZRANGEBYLEX', `${partition.key}:names`, ...bounds, 'LIMIT', 0, limit] as const;
      const [names] = await partition.read([range]);
      return listOf(names ?? null).map((name) => jobSetOf(String(name)));
    },
  };
}

/** Number of a job set; undefined when there is none of this name. */
export async function numberOfJobSet(
  partition: Partition,
  queue: string,
  jobSet: string,
): Promise<number | undefined> {
  const name = setName(queue, jobSet);
  const n = (await partition.fields(':sets', [name])).get(name);
  return n && Number(n);
}

async function infoOf(partition: Partition, names: readonly string[]): Promise<JobSetInfo[]> {
  const infos: JobSetInfo[] = [];
  for (let i = 0; i < names.length; i += JOB_SETS_AT_ONCE) {
    const some = names.slice(i, i + JOB_SETS_AT_ONCE);
    const rows = await partition.items(JOB_SETS, some);
    for (const [j, name] of some.entries()) {
      const [n, created = 0, first = 0, last = 0, queued = 0, leased = 0] = listOf(rows[j] ?? null).map(
        Number,
      );
      if (n === undefined) continue;
      const queue = name.slice(0, name.indexOf(ZERO));
      const jobSet = jobSetOf(name);
      infos.push({
        queue,
        jobSet,
        streamCreatedMs: created,
        lastNumber: last,
        firstNumber: first,
        queued,
        leased,
      });
    }
  }
  return infos;
}
