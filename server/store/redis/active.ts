/** What a new leader loads: live jobs, partition by partition, and open operations. */
import { type JobRecord, type Operation, SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import { keyAtIndex } from '../../model/job-key.ts';
import { type JobToPack, packJobs } from '../packed-jobs.ts';
import type { ActivePage } from '../store.ts';
import type { JobReader } from './jobs.ts';
import { BUCKET_JOBS, setName } from './keys.ts';
import { operationOf } from './log.ts';
import { bytesOf, listOf, type Partition } from './partition.ts';
import { firstIdInBucket, readRecord, type StoredRecord } from './records.ts';
import { ACTIVE } from './scripts/read.ts';

/** Jobs of one page, about. */
const PAGE_JOBS = 1000;

/** A live job of a page. */
interface LiveJob {
  key: Uint8Array;
  stored: StoredRecord;
  /** Full name of the job set that it was found under. */
  set: string;
}

/** A page of live jobs. The cursor is the partition, the bucket and the job set to go on from. */
export async function readActive(
  partitions: readonly Partition[],
  reader: JobReader,
  cursor: string,
): Promise<ActivePage> {
  const [number = '0', bucket = '', ...name] = cursor.split('/');
  const partition = partitions[Number(number)];
  if (!partition) return { jobs: packJobs([], []), classes: [], operations: [], next: undefined };
  const from = [name.join('/'), bucket, PAGE_JOBS];
  const [nextSet, nextBucket, ...buckets] = await partition.items(ACTIVE, from);
  const live: LiveJob[] = [];
  for (let i = 0; i < buckets.length; i += 3) {
    addLive(live, bytesOf(buckets[i + 2] ?? null), {
      set: String(buckets[i]),
      bucket: String(buckets[i + 1]),
    });
  }
  const templates = await reader.templatesOf(
    partition.number,
    live.map(({ stored }) => stored.template),
  );
  const { commons, jobs } = withCommons(live, templates);
  const classIds = [...new Set(commons.map(({ schedulingClass }) => schedulingClass))];
  const classes = await partition.fields(':class', classIds);
  const isLast = String(nextBucket) === '';
  const next = isLast ? `${partition.number + 1}//` : `${number}/${String(nextBucket)}/${String(nextSet)}`;
  return {
    jobs: packJobs(commons, jobs),
    classes: [...classes.values()].map((bytes) => SchedulingClass.decode(bytes)),
    operations: bucket === '' ? await operationsOf(partition) : [],
    next: isLast && partition.number + 1 === partitions.length ? undefined : next,
  };
}

/** Adds the jobs of a packed bucket. */
function addLive(live: LiveJob[], packed: Buffer, { set, bucket }: { set: string; bucket: string }): void {
  const first = firstIdInBucket(bucket);
  for (let at = 0; at < packed.length; ) {
    const field = packed[at] ?? 0;
    const end = at + 5 + packed.readUInt32BE(at + 1);
    const stored = readRecord(packed.subarray(at + 5, end));
    live.push({ key: keyAtIndex(first.key, first.index + (field % BUCKET_JOBS)), stored, set });
    at = end;
  }
}

/** What the jobs of a page have in common is what their templates say. */
function withCommons(
  live: readonly LiveJob[],
  templates: ReadonlyMap<number, JobRecord>,
): { commons: JobRecord[]; jobs: JobToPack[] } {
  const commons: JobRecord[] = [];
  const found = new Map<number, { index: number; set: string }>();
  const jobs: JobToPack[] = [];
  for (const { key, stored, set } of live) {
    let common = found.get(stored.template);
    if (!common) {
      const template = templates.get(stored.template);
      // A template goes with the last of its records: this one is gone by now.
      if (!template) continue;
      common = { index: commons.push(template) - 1, set: setName(template.queue, template.jobSet) };
      found.set(stored.template, common);
    }
    // A bucket may hold jobs of several job sets of its request, and then comes once for each.
    if (common.set !== set) continue;
    const { version, submitted, body: own } = stored;
    jobs.push({ key, version, submitted, common: common.index, own });
  }
  return { commons, jobs };
}

async function operationsOf(partition: Partition): Promise<Operation[]> {
  const [stored] = await partition.read([['HVALS', `${partition.key}:operations`]]);
  return listOf(stored ?? null).map((bytes) => operationOf(bytesOf(bytes)));
}
