/** Replaying a stream: what its events make of the jobs in it, and whether they could have happened. */
import type { JobRecord, StoredSequence } from '@armada-ts/api/armada/store/v1/store';
import type { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { gangOf } from '../model/gang.ts';
import { instantOf } from '../model/instant.ts';
import { applyEvent, type Event, isTerminal, jobIdOf, submittedJob } from '../model/job.ts';
import { schedulingClassOf } from '../model/scheduling-class.ts';
import { inPages, type PageLimits } from './pages.ts';
import type { TellFault } from './replay.ts';
import { createRestingRecords, type RestingRecords } from './resting-records.ts';
import type { JobSetInfo, StoreReader } from './store.ts';

/** As they are stored, compressed: their events may take fifty times as much as objects. */
const PAGE_BYTES = 64 * 1024;
/** Submits whose specs are read together, counted in place of bytes. */
const SUBMITS: PageLimits = { count: Infinity, bytes: 500 };

/** Some jobs of a job set: those after one id, up to another or to the end. */
export interface JobRange {
  afterId: string;
  upToId: string | undefined;
}

export function isInRange(jobId: string, { afterId, upToId }: JobRange): boolean {
  return jobId > afterId && (upToId === undefined || jobId <= upToId);
}

export interface ReplayedEvents {
  /** What the events make. */
  records: RestingRecords;
  /** Events of the jobs of the range; with its first jobs also those of no job. */
  events: number;
}

interface Replaying {
  read: StoreReader;
  info: JobSetInfo;
  range: JobRange;
  fault: TellFault;
}

/** Reads a stream from the first sequence that is kept to the last, for the jobs of a range. */
export async function replayEvents({ read, info, range, fault }: Replaying): Promise<ReplayedEvents> {
  const replayed: ReplayedEvents = { records: createRestingRecords(), events: 0 };
  // What is wrong with the stream itself is told once.
  const streamFault: TellFault = range.afterId === '' ? fault : () => {};
  let number = info.firstNumber - 1;
  while (number < info.lastNumber) {
    const page = await read.stream(info.queue, info.jobSet, number, PAGE_BYTES);
    if (page.length === 0) {
      streamFault(`the stream ends at ${number}, not at ${info.lastNumber}`);
      break;
    }
    for (const some of inPages(page, SUBMITS, { sizeOf: (one) => submittedIn([one], range).length })) {
      const context = { range, specs: await read.specs(submittedIn(some, range)), info, fault };
      for (const sequence of some) {
        number++;
        if (sequence.number !== number) streamFault(`${sequence.number} follows ${number - 1}`);
        number = sequence.number;
        if (sequence.streamCreatedMs !== info.streamCreatedMs) streamFault(`${number} is of another stream`);
        if (!sequence.events || sequence.events.events.length === 0) streamFault(`${number} is empty`);
        applySequence(replayed, sequence, context);
      }
      replayed.records.rest();
    }
  }
  return replayed;
}

/** Jobs of the range that a page submits. */
function submittedIn(page: readonly StoredSequence[], range: JobRange): string[] {
  const events = page.flatMap((sequence) => sequence.events?.events ?? []);
  return events.flatMap(({ event }) =>
    event?.$case === 'submitJob' && isInRange(event.value.jobId, range) ? event.value.jobId : [],
  );
}

interface Context {
  range: JobRange;
  specs: ReadonlyMap<string, SubmitJob>;
  info: JobSetInfo;
  fault: TellFault;
}

function applySequence(
  replayed: ReplayedEvents,
  { number, events: sender }: StoredSequence,
  context: Context,
): void {
  const { range, specs, info, fault } = context;
  // Some of the stream's beginning is gone, and with it the submits of jobs.
  const isTrimmed = info.firstNumber > 1;
  for (const event of sender?.events ?? []) {
    const jobId = jobIdOf(event);
    if (jobId === undefined ? range.afterId === '' : isInRange(jobId, range)) replayed.events++;
    if (sender === undefined || jobId === undefined || !isInRange(jobId, range)) continue;
    const kind = event.event?.$case ?? 'an empty event';
    const before = replayed.records.get(jobId);
    const submitted = kind === 'submitJob';
    if (submitted && before) fault(`${number}: ${jobId} is submitted twice`);
    if (!submitted && !before && !isTrimmed) fault(`${number}: ${kind} of unknown ${jobId}`);
    if (submitted !== (before === undefined)) continue;
    const after = before
      ? applyEvent(before, event, sender.userId)
      : created(event, sender, specs.get(jobId));
    if (after) replayed.records.set(jobId, after);
    else if (!before) fault(`${number}: ${jobId} has no spec`);
    else {
      const why = isTerminal(before.state) ? 'after its end' : 'does not apply';
      fault(`${number}: ${kind} of ${jobId} ${why}`);
    }
  }
}

type Sender = Parameters<typeof submittedJob>[0]['sender'];

function created(event: Event, sender: Sender, job: SubmitJob | undefined): JobRecord | undefined {
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
