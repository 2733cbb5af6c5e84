/** Lists of jobs in bounded pages: buckets in the order of ids, out of the indexes that may hold what is asked for. */
import { JobState } from '@armada-ts/api/api/job';
import type { StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { isTerminal } from '../../model/job.ts';
import type { JobSetPart } from '../store.ts';
import { readActive } from './active.ts';
import type { JobReader } from './jobs.ts';
import { numberOfJobSet } from './job-sets.ts';
import { placeOf, setName } from './keys.ts';
import { listOf, type Partition, partitionOf } from './partition.ts';
import { type StoredRecord, wantedOf } from './records.ts';
import { BUCKETS } from './scripts/read.ts';
import type { FoundRecord } from './templates.ts';

const STATES = Object.values(JobState).filter(
  (state) => state !== JobState.UNKNOWN && state !== JobState.SUBMITTED,
);

/** The reads of store.ts that list jobs. */
export function createLists(partitions: readonly Partition[], reader: JobReader) {
  const find = (search: Search): Promise<FoundRecord[]> =>
    findRecords(partitionOf(partitions, search.queue), partitions.length, reader, search);
  return {
    async liveJobIds(queue: string, jobSet: string, afterId: string, limit: number): Promise<string[]> {
      const isWanted = ({ isLive }: StoredRecord): boolean => isLive;
      const found = await find({ queue, jobSet, indexes: ['live'], afterId, limit, isWanted });
      return found.map(({ jobId }) => jobId);
    },
    async jobsOfSet(queue: string, jobSet: string, part: JobSetPart): Promise<StoredJob[]> {
      const { states, afterId, limit } = part;
      const wanted = states.length === 0 ? STATES : [...new Set(states)];
      const ended = wanted.filter(isTerminal).map((state) => `ended:${state}`);
      const indexes = ended.length === wanted.length ? ended : ['live', ...ended];
      const isWanted = ({ state }: StoredRecord): boolean => wanted.some((each) => each === state);
      const found = await find({ queue, jobSet, indexes, afterId, limit, isWanted });
      return await reader.complete(partitionOf(partitions, queue).number, found);
    },
    async jobsByExternalUri(queue: string, jobSet: string, uri: string): Promise<StoredJob[]> {
      const partition = partitionOf(partitions, queue);
      const n = await numberOfJobSet(partition, queue, jobSet);
      if (n === undefined) return [];
      const range = ['ZRANGEBYLEX', `${partition.key}:set:${n}:uris`, `[${uri}\0`, `(${uri}\x01`] as const;
      const [members] = await partition.read([range]);
      return await reader.jobs(listOf(members ?? null).map((member) => String(member).slice(uri.length + 1)));
    },
    active: (cursor: string) => readActive(partitions, reader, cursor),
  };
}

/** What is looked for in a job set. */
interface Search {
  queue: string;
  jobSet: string;
  /** Where it may be. */
  indexes: readonly string[];
  afterId: string;
  limit: number;
  isWanted: (record: StoredRecord) => boolean;
}

/** Records of a job set, by rising id, page by page until there are enough. */
async function findRecords(
  partition: Partition,
  partitions: number,
  reader: JobReader,
  { queue, jobSet, indexes, afterId, limit, isWanted }: Search,
): Promise<FoundRecord[]> {
  const found: FoundRecord[] = [];
  let from = placeOf(afterId, partitions)?.bucket ?? '';
  for (;;) {
    const name = setName(queue, jobSet);
    const buckets = await partition.items(BUCKETS, [name, from, limit - found.length, ...indexes]);
    const page: FoundRecord[] = [];
    for (let i = 0; i + 1 < buckets.length; i += 2) {
      const bucket = String(buckets[i]);
      page.push(...wantedOf(bucket, listOf(buckets[i + 1] ?? null), isWanted));
      // The least name after it.
      from = `${bucket}\0`;
    }
    const later = page.filter(({ jobId }) => jobId > afterId);
    found.push(...(await reader.ofJobSet(partition.number, later, jobSet)));
    const isLast = buckets.length % 2 === 1 || buckets.length === 0;
    if (isLast || found.length >= limit) return found.slice(0, limit);
  }
}
