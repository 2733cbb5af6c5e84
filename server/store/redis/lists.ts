/** Lists of jobs and job sets in bounded pages: buckets in the order of ids, out of the indexes that may hold what is asked for. */
import { JobState } from '@armada-ts/api/api/job';
import { Operation, SchedulingClass, type StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { isTerminal } from '../../model/job.ts';
import type { ActivePage, JobSetInfo, JobSetPart } from '../store.ts';
import type { FoundRecord, JobReader } from './jobs.ts';
import { jobSetOf, partitionOfQueue, placeOf, setName } from './keys.ts';
import { operationOf } from './log.ts';
import { bytesOf, listOf, type Partition } from './partition.ts';
import { idInBucket, recordsOf, type StoredRecord } from './records.ts';
import type { Reply } from './node.ts';
import { ACTIVE, BUCKETS, JOB_SETS } from './scripts/read.ts';

/** Jobs of one page of `active`, about. */
const ACTIVE_PAGE_JOBS = 1000;
/** Job sets that are looked up at once. */
const JOB_SETS_AT_ONCE = 500;
/** Between the names of a queue and a job set; and the least byte after it. */
const [ZERO, ONE] = ['\0', '\x01'];

const STATES = Object.values(JobState).filter(
  (state) => state !== JobState.UNKNOWN && state !== JobState.SUBMITTED,
);

/** The reads of store.ts that list. */
export function createLists(partitions: readonly Partition[], reader: JobReader) {
  const at = (queue: string): Partition => {
    const partition = partitions[partitionOfQueue(queue, partitions.length)];
    if (!partition) throw new Error('a queue has a partition');
    return partition;
  };

  /** Records of a job set that are wanted, by rising id, page by page until there are enough. */
  async function find(
    name: { queue: string; jobSet: string },
    indexes: readonly string[],
    { afterId, limit }: { afterId: string; limit: number },
    isWanted: (record: StoredRecord) => boolean,
  ): Promise<{ partition: Partition; found: FoundRecord[] }> {
    const partition = at(name.queue);
    const found: FoundRecord[] = [];
    let from: string | undefined = placeOf(afterId, partitions.length)?.bucket ?? '';
    // A bucket may hold jobs of other job sets of its request: their templates tell.
    const templates = new Map<number, boolean>();
    while (from !== undefined && found.length < limit) {
      const buckets = await partition.items(BUCKETS, [
        setName(name.queue, name.jobSet),
        from,
        limit - found.length,
        ...indexes,
      ]);
      from = buckets.length === 0 || String(buckets.at(-1)) === '' ? undefined : '';
      const page: FoundRecord[] = [];
      for (let i = 0; i + 1 < buckets.length; i += 2) {
        const bucket = String(buckets[i]);
        const records = wantedOf(bucket, buckets[i + 1] ?? null, isWanted);
        page.push(...records.filter(({ jobId }) => jobId > afterId));
        if (from !== undefined) from = `${bucket}\0`;
      }
      await learnTemplates(partition, templates, page, name.jobSet);
      found.push(...page.filter(({ stored }) => templates.get(stored.template)));
    }
    return { partition, found: found.slice(0, limit) };
  }

  async function learnTemplates(
    partition: Partition,
    known: Map<number, boolean>,
    page: readonly FoundRecord[],
    jobSet: string,
  ): Promise<void> {
    const news = page.filter(
      ({ stored }, i) =>
        !known.has(stored.template) &&
        page.findIndex((each) => each.stored.template === stored.template) === i,
    );
    for (const job of await reader.complete(partition.number, news)) {
      const template = news.find(({ jobId }) => jobId === job.record?.jobId)?.stored.template;
      if (template !== undefined) known.set(template, job.record?.jobSet === jobSet);
    }
  }

  async function infoOf(partition: Partition, names: readonly string[]): Promise<JobSetInfo[]> {
    const infos: JobSetInfo[] = [];
    for (let i = 0; i < names.length; i += JOB_SETS_AT_ONCE) {
      const some = names.slice(i, i + JOB_SETS_AT_ONCE);
      const rows = await partition.items(JOB_SETS, some);
      for (const [j, name] of some.entries()) {
        const [n, created, first, last, queued, leased] = listOf(rows[j] ?? null).map(Number);
        if (n === undefined) continue;
        infos.push({
          queue: name.slice(0, name.indexOf(ZERO)),
          jobSet: jobSetOf(name),
          streamCreatedMs: created ?? 0,
          lastNumber: last ?? 0,
          firstNumber: first ?? 0,
          queued: queued ?? 0,
          leased: leased ?? 0,
        });
      }
    }
    return infos;
  }

  return {
    async jobSet(queue: string, jobSet: string): Promise<JobSetInfo | undefined> {
      return (await infoOf(at(queue), [setName(queue, jobSet)]))[0];
    },
    async activeJobSets(queue: string): Promise<JobSetInfo[]> {
      const partition = at(queue);
      const range = [
        'ZRANGEBYLEX',
        `${partition.key}:active`,
        `[${queue}${ZERO}`,
        `(${queue}${ONE}`,
      ] as const;
      const [names] = await partition.read([range]);
      return await infoOf(partition, listOf(names ?? null).map(String));
    },
    async jobSetNames(queue: string, from: string, limit: number): Promise<string[]> {
      const partition = at(queue);
      const bounds = [`[${setName(queue, from)}`, `(${queue}${ONE}`];
      const [names] = await partition.read([
        ['ZRANGEBYLEX', `${partition.key}:names`, ...bounds, 'LIMIT', 0, limit],
      ]);
      return listOf(names ?? null).map((name) => jobSetOf(String(name)));
    },
    async liveJobIds(queue: string, jobSet: string, afterId: string, limit: number): Promise<string[]> {
      const { found } = await find({ queue, jobSet }, ['live'], { afterId, limit }, ({ isLive }) => isLive);
      return found.map(({ jobId }) => jobId);
    },
    async jobsOfSet(
      queue: string,
      jobSet: string,
      { states, afterId, limit }: JobSetPart,
    ): Promise<StoredJob[]> {
      const wanted = new Set(states.length === 0 ? STATES : states);
      const ended = [...wanted].filter(isTerminal).map((state) => `ended:${state}`);
      // What ends while the indexes are read leaves the first and enters another.
      const { partition, found } = await find(
        { queue, jobSet },
        ['live', ...ended],
        { afterId, limit },
        ({ state }) => [...wanted].some((each) => each === state),
      );
      return await reader.complete(partition.number, found);
    },
    async jobsByExternalUri(queue: string, jobSet: string, uri: string): Promise<StoredJob[]> {
      const partition = at(queue);
      const [row] = await partition.items(JOB_SETS, [setName(queue, jobSet)]);
      const [n] = listOf(row ?? []);
      if (n === undefined) return [];
      const bounds = [`[${uri}${ZERO}`, `(${uri}${ONE}`];
      const [members] = await partition.read([
        ['ZRANGEBYLEX', `${partition.key}:set:${String(n)}:uris`, ...bounds],
      ]);
      return await reader.jobs(listOf(members ?? null).map((member) => String(member).slice(uri.length + 1)));
    },
    active: (cursor: string) => readActive(partitions, reader, cursor),
  };
}

/** Records of a bucket that are wanted, by rising id. */
function wantedOf(
  bucket: string,
  content: Reply,
  isWanted: (record: StoredRecord) => boolean,
): FoundRecord[] {
  const records = [...recordsOf(listOf(content).map(bytesOf))].filter(([, stored]) => isWanted(stored));
  records.sort(([one], [other]) => one - other);
  return records.map(([field, stored]) => ({ jobId: idInBucket(bucket, field), stored }));
}

/** Live jobs partition by partition; the cursor is the partition, the bucket and the job set to go on from. Operations come with the first page of each. */
async function readActive(
  partitions: readonly Partition[],
  reader: JobReader,
  cursor: string,
): Promise<ActivePage> {
  const [number = '0', bucket = '', ...name] = cursor.split('/');
  const partition = partitions[Number(number)];
  if (!partition) return { jobs: [], classes: [], operations: [], next: undefined };
  const [nextSet, nextBucket, ...buckets] = await partition.items(ACTIVE, [
    name.join('/'),
    bucket,
    ACTIVE_PAGE_JOBS,
  ]);
  // A bucket may hold jobs of several job sets of its request, and then comes once for each.
  const found = new Map<string, FoundRecord>();
  const wanted = new Set<string>();
  for (let i = 0; i < buckets.length; i += 3) {
    const jobSet = jobSetOf(String(buckets[i]));
    for (const record of wantedOf(String(buckets[i + 1]), buckets[i + 2] ?? null, ({ isLive }) => isLive)) {
      found.set(record.jobId, record);
      wanted.add(setName(jobSet, record.jobId));
    }
  }
  const completed = await reader.complete(partition.number, [...found.values()]);
  const jobs = completed.filter(({ record }) => record && wanted.has(setName(record.jobSet, record.jobId)));
  const classIds = [...new Set(jobs.map(({ record }) => record?.schedulingClass ?? ''))];
  const classes = await partition.fields(':class', classIds);
  const isFirst = bucket === '';
  const operations: Operation[] = [];
  if (isFirst) {
    const [all] = await partition.read([['HVALS', `${partition.key}:operations`]]);
    for (const stored of listOf(all ?? null)) operations.push(operationOf(bytesOf(stored)));
  }
  const isLast = String(nextBucket) === '';
  const next = isLast ? `${partition.number + 1}//` : `${number}/${String(nextBucket)}/${String(nextSet)}`;
  return {
    jobs,
    classes: [...classes.values()].map((bytes) => SchedulingClass.decode(bytes)),
    operations,
    next: isLast && partition.number + 1 === partitions.length ? undefined : next,
  };
}
