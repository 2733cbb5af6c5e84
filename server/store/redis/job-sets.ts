/** Job sets: their counters, and their names in order. */
import type { JobSetInfo } from '../store.ts';
import { jobSetOf, setName } from './keys.ts';
import { listOf, type Partition, partitionOf } from './partition.ts';
import { JOB_SETS } from './scripts/read.ts';

/** Job sets that are looked up at once, so that no answer holds up others for long. */
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
      const infos: JobSetInfo[] = [];
      let from = `[${queue}${ZERO}`;
      for (;;) {
        const range = [from, `(${queue}${ONE}`, 'LIMIT', 0, JOB_SETS_AT_ONCE] as const;
        const [names] = await partition.read([['ZRANGEBYLEX', `${partition.key}:active`, ...range]]);
        const found = listOf(names ?? null).map(String);
        infos.push(...(await infoOf(partition, found)));
        if (found.length < JOB_SETS_AT_ONCE) return infos;
        from = `(${found.at(-1)}`;
      }
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
  const rows = names.length === 0 ? [] : await partition.items(JOB_SETS, names);
  return names.flatMap((name, i): JobSetInfo[] => {
    const [n, created = 0, first = 0, last = 0, queued = 0, leased = 0] = listOf(rows[i] ?? null).map(Number);
    if (n === undefined) return [];
    return [
      {
        queue: name.slice(0, name.indexOf(ZERO)),
        jobSet: jobSetOf(name),
        streamCreatedMs: created,
        lastNumber: last,
        firstNumber: first,
        queued,
        leased,
      },
    ];
  });
}
