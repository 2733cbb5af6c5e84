/**
 * Reads the streams of job sets back and judges them (design invariants I3, I4):
 * numbers without gaps, no event that does not apply, least of all one after a
 * job's end, and records that are what their events make of them, field by
 * field. Counters, live lists, runs and client ids must tell the same.
 */
import { JobState } from '@armada-ts/api/api/job';
import { JobRecord, type StoredJob, type StoredSequence } from '@armada-ts/api/armada/store/v1/store';
import type { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { gangOf } from '@armada-ts/server/model/gang';
import { instantOf } from '@armada-ts/server/model/instant';
import { applyEvent, type Event, isTerminal, jobIdOf, submittedJob } from '@armada-ts/server/model/job';
import { schedulingClassOf } from '@armada-ts/server/model/scheduling-class';
import type { JobSetInfo, StoreReader } from '@armada-ts/server/store/store';
import { inspect, isDeepStrictEqual } from 'node:util';

export interface JobSetName {
  queue: string;
  jobSet: string;
}

/** What was read, and everything that is wrong with it. */
export interface Replay {
  events: number;
  /** The records that the events make, by job id. */
  records: Map<string, JobRecord>;
  faults: string[];
}

const PAGE_BYTES = 1024 * 1024;
const PAGE_ITEMS = 1000;

/** Every job set of every queue there is. */
export async function allJobSets(read: StoreReader): Promise<JobSetName[]> {
  const names: JobSetName[] = [];
  for (const { queue } of await read.queues()) {
    for (let from = ''; ; ) {
      const page = await read.jobSetNames(queue.name, from, PAGE_ITEMS);
      names.push(...page.map((jobSet) => ({ queue: queue.name, jobSet })));
      if (page.length < PAGE_ITEMS) break;
      // The least name after the last one.
      from = `${page.at(-1)}\0`;
    }
  }
  return names;
}

/** Replays job sets from the first event that is kept. Jobs whose submit is kept no longer are passed over. */
export async function replay(read: StoreReader, jobSets: readonly JobSetName[]): Promise<Replay> {
  const whole: Replay = { events: 0, records: new Map(), faults: [] };
  for (const name of jobSets) {
    const info = await read.jobSet(name.queue, name.jobSet);
    if (info === undefined) {
      whole.faults.push(`${shown(name)} is not there`);
      continue;
    }
    const one = await replayJobSet(read, info);
    await compareRecords(read, info, one);
    await compareLists(read, info, one);
    whole.events += one.events;
    for (const [jobId, record] of one.records) whole.records.set(jobId, record);
    whole.faults.push(...one.faults.map((fault) => `${shown(name)}: ${fault}`));
  }
  await compareRuns(read, whole);
  return whole;
}

async function replayJobSet(read: StoreReader, info: JobSetInfo): Promise<Replay> {
  const one: Replay = { events: 0, records: new Map(), faults: [] };
  let number = info.firstNumber - 1;
  while (number < info.lastNumber) {
    const page = await read.stream(info.queue, info.jobSet, number, PAGE_BYTES);
    if (page.length === 0) {
      one.faults.push(`the stream ends at ${number}, not at ${info.lastNumber}`);
      break;
    }
    const specs = await read.specs(submittedIn(page));
    for (const sequence of page) {
      number++;
      if (sequence.number !== number) one.faults.push(`${sequence.number} follows ${number - 1}`);
      number = sequence.number;
      if (sequence.streamCreatedMs !== info.streamCreatedMs)
        one.faults.push(`${number} is of another stream`);
      applySequence(one, sequence, { specs, isTrimmed: info.firstNumber > 1 });
    }
  }
  return one;
}

function submittedIn(page: readonly StoredSequence[]): string[] {
  const events = page.flatMap((sequence) => sequence.events?.events ?? []);
  return events.flatMap(({ event }) => (event?.$case === 'submitJob' ? event.value.jobId : []));
}

interface Context {
  specs: ReadonlyMap<string, SubmitJob>;
  /** Some of the stream's beginning is gone. */
  isTrimmed: boolean;
}

function applySequence(one: Replay, { number, events: sender }: StoredSequence, context: Context): void {
  if (sender === undefined || sender.events.length === 0) {
    one.faults.push(`${number} is empty`);
    return;
  }
  for (const event of sender.events) {
    one.events++;
    const jobId = jobIdOf(event);
    const kind = event.event?.$case ?? 'an empty event';
    if (jobId === undefined) continue;
    const before = one.records.get(jobId);
    const submitted = event.event?.$case === 'submitJob';
    if (submitted && before) one.faults.push(`${number}: ${jobId} is submitted twice`);
    if (!submitted && !before && !context.isTrimmed)
      one.faults.push(`${number}: ${kind} of unknown ${jobId}`);
    if (submitted !== (before === undefined)) continue;
    const after = before ? applyEvent(before, event, sender.userId) : created(event, jobId, sender, context);
    if (after) one.records.set(jobId, after);
    else if (!before) one.faults.push(`${number}: ${jobId} has no spec`);
    else
      one.faults.push(
        `${number}: ${kind} of ${jobId} ${isTerminal(before.state) ? 'after its end' : 'does not apply'}`,
      );
  }
}

function created(
  event: Event,
  jobId: string,
  sender: Parameters<typeof submittedJob>[0]['sender'],
  { specs }: Context,
): JobRecord | undefined {
  const job = specs.get(jobId);
  if (job === undefined) return undefined;
  const main = job.mainObject?.object;
  const podSpec = main?.$case === 'podSpec' ? main.value.podSpec : undefined;
  return submittedJob({
    sender,
    job,
    createdMs: instantOf(event.created),
    schedulingClass: schedulingClassOf(podSpec ?? PodSpec.create()).id,
    gang: gangOf(job.objectMeta?.annotations ?? new Map()).gang,
  });
}

async function compareRecords(read: StoreReader, info: JobSetInfo, one: Replay): Promise<void> {
  const stored = await read.jobs([...one.records.keys()]);
  const byId = new Map(stored.map(({ record }) => [record?.jobId ?? '', record]));
  for (const jobId of await idsOfSet(read, info)) {
    if (!one.records.has(jobId) && info.firstNumber === 1) one.faults.push(`${jobId} has no events`);
  }
  for (const [jobId, record] of one.records) {
    const kept = byId.get(jobId);
    if (!kept) one.faults.push(`${jobId} has no record`);
    else one.faults.push(...differences(kept, record).map((fault) => `${jobId}: ${fault}`));
  }
}

/** Ids of all records of a job set. */
async function idsOfSet(read: StoreReader, { queue, jobSet }: JobSetName): Promise<string[]> {
  const ids: string[] = [];
  for (let page: StoredJob[]; ; ) {
    page = await read.jobsOfSet(queue, jobSet, { states: [], afterId: ids.at(-1) ?? '', limit: PAGE_ITEMS });
    ids.push(...page.map(({ record }) => record?.jobId ?? ''));
    if (page.length < PAGE_ITEMS) return ids;
  }
}

/** Fields in which a stored record is not the replayed one. */
function differences(kept: JobRecord, replayed: JobRecord): string[] {
  // As they come out of the store: built and decoded messages differ as objects.
  const normal = JobRecord.decode(JobRecord.encode(replayed).finish());
  const fields = new Set([...Object.keys(kept), ...Object.keys(normal)]) as Set<keyof JobRecord>;
  return [...fields].flatMap((field) => {
    if (isDeepStrictEqual(kept[field], normal[field])) return [];
    return `${field} is ${inspect(kept[field])}, its events make it ${inspect(normal[field])}`;
  });
}

/** The counters of a job set and the lists of its live jobs, against a recount. */
async function compareLists(read: StoreReader, info: JobSetInfo, one: Replay): Promise<void> {
  const { queue, jobSet } = info;
  const live = [...one.records.values()].filter(({ state }) => !isTerminal(state));
  const queued = live.filter(({ state }) => state === JobState.QUEUED).length;
  const leased = live.length - queued;
  const told = (text: string, of: Pick<JobSetInfo, 'queued' | 'leased'>): void => {
    if (of.queued === queued && of.leased === leased) return;
    one.faults.push(`${text} ${of.queued} queued and ${of.leased} leased, there are ${queued} and ${leased}`);
  };
  told('counted are', info);
  const active = (await read.activeJobSets(queue)).find((set) => set.jobSet === jobSet);
  told('as active there are', active ?? { queued: 0, leased: 0 });
  if (active && live.length === 0) one.faults.push('it is listed as active');

  const ids = live.map(({ jobId }) => jobId).sort();
  const listed = await read.liveJobIds(queue, jobSet, '', 1e6);
  if (!isDeepStrictEqual(listed, ids))
    one.faults.push(`${listed.length} jobs are listed as live, not ${ids.length}`);
  const loaded = await activeJobIds(read, info);
  if (!isDeepStrictEqual(loaded, ids))
    one.faults.push(`${loaded.length} live jobs would be loaded, not ${ids.length}`);
}

/** Ids of the live jobs of a set, as a new leader would load them. */
async function activeJobIds(read: StoreReader, { queue, jobSet }: JobSetName): Promise<string[]> {
  const ids: string[] = [];
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page: Awaited<ReturnType<StoreReader['active']>> = await read.active(cursor);
    for (const { record } of page.jobs) {
      if (record?.queue === queue && record.jobSet === jobSet) ids.push(record.jobId);
    }
    cursor = page.next;
  }
  return ids.sort();
}

/** Runs are of one job each and lead to it; client ids lead to the jobs that have them. */
async function compareRuns(read: StoreReader, whole: Replay): Promise<void> {
  const jobOfRun = new Map<string, string>();
  for (const { jobId, queue, clientId, runs } of whole.records.values()) {
    for (const { runId } of runs) {
      const other = jobOfRun.get(runId);
      if (other !== undefined) whole.faults.push(`run ${runId} is of ${other} and of ${jobId}`);
      jobOfRun.set(runId, jobId);
    }
    if (clientId === '') continue;
    const [claim] = await read.claims(queue, [clientId]);
    if (claim?.jobId !== jobId)
      whole.faults.push(`client id ${clientId} is of ${claim?.jobId}, not of ${jobId}`);
  }
  const found = await read.jobsOfRuns([...jobOfRun.keys()]);
  for (const [runId, jobId] of jobOfRun) {
    const kept = found.get(runId)?.record?.jobId;
    if (kept !== jobId) whole.faults.push(`run ${runId} leads to ${kept}, not to ${jobId}`);
  }
}

function shown({ queue, jobSet }: JobSetName): string {
  return `${queue}/${jobSet}`;
}
