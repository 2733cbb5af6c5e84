/** What a new leader loads: live jobs, partition by partition, and open operations. */
import { type Operation, SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import type { ActivePage } from '../store.ts';
import type { JobReader } from './jobs.ts';
import { jobSetOf, setName } from './keys.ts';
import { operationOf } from './log.ts';
import { bytesOf, listOf, type Partition } from './partition.ts';
import { wantedOf } from './records.ts';
import { ACTIVE } from './scripts/read.ts';
import type { FoundRecord } from './templates.ts';

/** Jobs of one page, about. */
const PAGE_JOBS = 1000;

/** A page of live jobs. The cursor is the partition, the bucket and the job set to go on from. */
export async function readActive(
  partitions: readonly Partition[],
  reader: JobReader,
  cursor: string,
): Promise<ActivePage> {
  const [number = '0', bucket = '', ...name] = cursor.split('/');
  const partition = partitions[Number(number)];
  if (!partition) return { jobs: [], classes: [], operations: [], next: undefined };
  const from = [name.join('/'), bucket, PAGE_JOBS];
  const [nextSet, nextBucket, ...buckets] = await partition.items(ACTIVE, from);
  // A bucket may hold jobs of several job sets of its request, and then comes once for each.
  const found = new Map<string, FoundRecord>();
  const wanted = new Set<string>();
  for (let i = 0; i < buckets.length; i += 3) {
    const jobSet = jobSetOf(String(buckets[i]));
    const content = listOf(buckets[i + 2] ?? null);
    for (const record of wantedOf(String(buckets[i + 1]), content, ({ isLive }) => isLive)) {
      found.set(record.jobId, record);
      wanted.add(setName(jobSet, record.jobId));
    }
  }
  const completed = await reader.complete(partition.number, [...found.values()]);
  const jobs = completed.filter(({ record }) => record && wanted.has(setName(record.jobSet, record.jobId)));
  const classIds = [...new Set(jobs.map(({ record }) => record?.schedulingClass ?? ''))];
  const classes = await partition.fields(':class', classIds);
  const isLast = String(nextBucket) === '';
  const next = isLast ? `${partition.number + 1}//` : `${number}/${String(nextBucket)}/${String(nextSet)}`;
  return {
    jobs,
    classes: [...classes.values()].map((bytes) => SchedulingClass.decode(bytes)),
    operations: bucket === '' ? await operationsOf(partition) : [],
    next: isLast && partition.number + 1 === partitions.length ? undefined : next,
  };
}

async function operationsOf(partition: Partition): Promise<Operation[]> {
  const [stored] = await partition.read([['HVALS', `${partition.key}:operations`]]);
  return listOf(stored ?? null).map((bytes) => operationOf(bytesOf(bytes)));
}
