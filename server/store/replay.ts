/**
 * Reads the streams of job sets back and judges them (invariants I3, I4 of
 * docs/architecture.md): numbers without gaps, no event that does not apply,
 * least of all one after a job's end, and records that are what their events make
 * of them, field by field. Counters, live lists, runs and client ids must tell
 * the same.
 *
 * A job set is replayed some of its jobs at a time, so a large one takes no more
 * memory than those, and as many readings of its stream.
 */
import { JobState } from '@armada-ts/api/api/job';
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { inspect, isDeepStrictEqual } from 'node:util';
import { isTerminal } from '../model/job.ts';
import { type JobRange, replayEvents } from './replay-events.ts';
import { compareActive, compareListed, compareRuns } from './replay-lists.ts';
import { createRestingRecords, type RestingRecords } from './resting-records.ts';
import { createSum, type Sum } from './tally.ts';
import type { JobSetInfo, StoreReader } from './store.ts';

export interface JobSetName {
  queue: string;
  jobSet: string;
}

/** What was read, and what is wrong with it. */
export interface Replay {
  jobSets: number;
  jobs: number;
  events: number;
  /** The first of them, for people. */
  faults: string[];
  /** How many there are in all. */
  faultCount: number;
}

export interface ReplayOptions {
  /** Told of each record that the events make, job set by job set. */
  onRecord?: (record: JobRecord) => void;
  /** Told at the beginning and every now and then, of what was read so far. */
  onProgress?: (soFar: Replay) => void;
  /** Jobs that are replayed at a time; each takes 2 KB of memory, about. */
  jobsAtATime?: number;
}

/** Says what is wrong. */
export type TellFault = (text: string) => void;

const MAX_FAULTS = 100;
const PAGE_NAMES = 1000;
const PAGE_RECORDS = 1000;
const JOBS_AT_A_TIME = 50_000;

/** Every job set with records, of every queue there is. */
export async function* allJobSets(read: StoreReader): AsyncGenerator<JobSetName, void, undefined> {
  for (const { queue } of await read.queues()) {
    for (let from = ''; ; ) {
      const page = await read.jobSetNames(queue.name, from, PAGE_NAMES);
      for (const jobSet of page) yield { queue: queue.name, jobSet };
      if (page.length < PAGE_NAMES) break;
      // The least name after the last one.
      from = `${page.at(-1)}\0`;
    }
  }
}

/** Replays job sets from the first event that is kept. Jobs whose submit is kept no longer are passed over. */
export async function replay(
  read: StoreReader,
  jobSets: Iterable<JobSetName> | AsyncIterable<JobSetName>,
  options: ReplayOptions = {},
): Promise<Replay> {
  const whole: Replay = { jobSets: 0, jobs: 0, events: 0, faults: [], faultCount: 0 };
  const tellFault: TellFault = (text) => {
    whole.faultCount++;
    if (whole.faults.length < MAX_FAULTS) whole.faults.push(text);
  };
  options.onProgress?.(whole);
  const live = new Map<string, Sum>();
  let active: { queue: string | undefined; infos: JobSetInfo[] } = { queue: undefined, infos: [] };
  for await (const name of jobSets) {
    const shown = `${name.queue}/${name.jobSet}`;
    const info = await read.jobSet(name.queue, name.jobSet);
    if (info === undefined) {
      tellFault(`${shown} is not there`);
      continue;
    }
    if (active.queue !== name.queue) {
      active = { queue: name.queue, infos: await read.activeJobSets(name.queue) };
    }
    const listed = active.infos.find(({ jobSet }) => jobSet === name.jobSet);
    const fault: TellFault = (text) => tellFault(`${shown}: ${text}`);
    live.set(shown, await replayJobSet({ read, info, listed, fault, whole }, options));
    whole.jobSets++;
  }
  await compareActive(read, live, tellFault);
  return whole;
}

/** A job set on its way. */
interface Replaying {
  read: StoreReader;
  info: JobSetInfo;
  /** As it stands among the active ones. */
  listed: JobSetInfo | undefined;
  fault: TellFault;
  whole: Replay;
}

/** The ids of its live jobs, summed up. */
async function replayJobSet(replaying: Replaying, options: ReplayOptions): Promise<Sum> {
  const { read, info, listed, fault, whole } = replaying;
  const { jobsAtATime = JOBS_AT_A_TIME, onRecord, onProgress } = options;
  const live = { queued: 0, leased: 0, ids: createSum() };
  let range: JobRange = { afterId: '', upToId: '' };
  while (range.upToId !== undefined) {
    const afterId = range.upToId;
    const stored = await readRecords(replaying, afterId, jobsAtATime);
    range = { afterId, upToId: stored.upToId };
    const { records, events } = await replayEvents({ read, info, range, fault });
    compareRecords(replaying, stored.records, records);
    await compareRuns(read, info.queue, { records, fault });
    await compareListed(read, info, { range, records, fault });
    for (const record of records.records()) {
      onRecord?.(record);
      if (isTerminal(record.state)) continue;
      live.ids.add([Buffer.from(record.jobId)]);
      if (record.state === JobState.QUEUED) live.queued++;
      else live.leased++;
    }
    whole.jobs += records.size;
    // Each reading counts its own jobs' events only.
    whole.events += events;
    onProgress?.(whole);
  }
  compareCounters(live, info, 'counted are', fault);
  compareCounters(live, listed ?? { queued: 0, leased: 0 }, 'as active there are', fault);
  if (listed && live.ids.count === 0) fault('it is listed as active');
  return live.ids;
}

type Counters = Pick<JobSetInfo, 'queued' | 'leased'>;

function compareCounters(live: Counters, told: Counters, ...[what, fault]: [string, TellFault]): void {
  const { queued, leased } = told;
  if (queued === live.queued && leased === live.leased) return;
  fault(`${what} ${queued} queued and ${leased} leased, there are ${live.queued} and ${live.leased}`);
}

/** Records of a job set after an id, so many at most; and the last id, if there may be more. */
async function readRecords(
  { read, info }: Replaying,
  afterId: string,
  most: number,
): Promise<{ records: RestingRecords; upToId: string | undefined }> {
  const records = createRestingRecords();
  for (let lastId = afterId; ; ) {
    const limit = Math.min(PAGE_RECORDS, most - records.size);
    const page = await read.jobsOfSet(info.queue, info.jobSet, { states: [], afterId: lastId, limit });
    for (const { record } of page) if (record) records.set(record.jobId, record);
    if (page.length < limit) return { records, upToId: undefined };
    lastId = page.at(-1)?.record?.jobId ?? lastId;
    if (records.size >= most) return { records, upToId: lastId };
  }
}

/** The records of a range, as they are stored and as their events make them. */
function compareRecords({ info, fault }: Replaying, stored: RestingRecords, replayed: RestingRecords): void {
  for (const jobId of stored.ids()) {
    if (!replayed.has(jobId) && info.firstNumber === 1) fault(`${jobId} has no events`);
  }
  for (const jobId of replayed.ids()) {
    if (!stored.has(jobId)) fault(`${jobId} has no record`);
    else if (stored.text(jobId) !== replayed.text(jobId)) {
      const [kept, made] = [stored.get(jobId), replayed.get(jobId)];
      if (kept && made) for (const difference of differences(kept, made)) fault(`${jobId}: ${difference}`);
    }
  }
}

/** Fields in which a stored record is not the replayed one. */
function differences(kept: JobRecord, replayed: JobRecord): string[] {
  const fields = new Set([...Object.keys(kept), ...Object.keys(replayed)]) as Set<keyof JobRecord>;
  return [...fields].flatMap((field) => {
    if (isDeepStrictEqual(kept[field], replayed[field])) return [];
    return `${field} is ${inspect(kept[field])}, its events make it ${inspect(replayed[field])}`;
  });
}
