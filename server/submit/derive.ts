/**
 * Appending events to jobs that exist. What happens to a job depends on the
 * record it is derived from; when the job has moved on meanwhile, the store
 * says so and the event is derived again from the newer record.
 */
import { Batch, type ChangedJob, type JobRecord, type StoredJob } from '@armada-ts/api/armada/store/v1/store';
import type { EventSequence } from '@armada-ts/api/armadaevents/armadaevents';
import { type Event, applyEvent } from '../model/job.ts';
import type { Store } from '../store/store.ts';
import { MAX_ATTEMPTS } from './deps.ts';
import { queueNotFound } from '../auth/queue-access.ts';
import { tooBusy } from './too-busy.ts';

/** Most jobs one batch changes, so that no batch holds up others for long. */
const MAX_JOBS_PER_BATCH = 1000;

/** Who asks for the change. */
export interface Requestor {
  userId: string;
  groups: readonly string[];
}

/**
 * Appends to each job the event that `derive` makes of its record. Jobs for
 * which there is none, or to which it does not apply any more, are left alone;
 * the ids of the others are the answer.
 * Jobs are grouped by queue; each group is appended in batches of at most 1,000
 * jobs, each whole or not at all. Throws CONFLICT when others keep changing the
 * same jobs, QUEUE_NOT_FOUND when the queue has gone, UNAVAILABLE when the
 * outcome is unknown; making the same request again is harmless.
 */
export async function appendDerived(
  store: Store,
  jobs: readonly StoredJob[],
  requestor: Requestor,
  derive: (record: JobRecord) => Event | undefined,
): Promise<Set<string>> {
  const changed = new Set<string>();
  const byQueue = Map.groupBy(jobs, (job) => job.record?.queue ?? '');
  for (const [queue, ofQueue] of byQueue) {
    for (let i = 0; i < ofQueue.length; i += MAX_JOBS_PER_BATCH) {
      const part = ofQueue.slice(i, i + MAX_JOBS_PER_BATCH);
      for (const id of await appendToQueue(store, queue, part, { requestor, derive })) changed.add(id);
    }
  }
  return changed;
}

interface Change {
  requestor: Requestor;
  derive: (record: JobRecord) => Event | undefined;
}

async function appendToQueue(
  store: Store,
  queue: string,
  jobs: readonly StoredJob[],
  change: Change,
): Promise<string[]> {
  let current = byId(jobs);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const batch = batchOf(queue, current.values(), change);
    if (batch.changed.length === 0) return [];
    const result = await store.append(batch);
    switch (result.outcome) {
      case 'applied':
      case 'repeated':
        return batch.changed.map(({ record }) => record?.jobId ?? '');
      case 'stale':
        // Read all again: the answer leaves out jobs that are gone, and those must go from here too.
        current = byId(await store.read.jobs([...current.keys()]));
        break;
      case 'no-queue':
        throw queueNotFound(queue);
      case 'claimed':
      case 'sealed':
        throw new Error(`a batch of requests on jobs was answered ${result.outcome}`);
    }
  }
  throw tooBusy(`jobs of queue ${queue}`);
}

function batchOf(queue: string, jobs: Iterable<StoredJob>, { requestor, derive }: Change): Batch {
  const changed: ChangedJob[] = [];
  const sequences = new Map<string, EventSequence>();
  for (const { record, version } of jobs) {
    const event = record && derive(record);
    const after = event && applyEvent(record, event, requestor.userId);
    if (record === undefined || event === undefined || after === undefined) continue;
    changed.push({ record: after, expectedVersion: version });
    let sequence = sequences.get(record.jobSet);
    if (sequence === undefined) {
      const { userId, groups } = requestor;
      sequence = { queue, jobSetName: record.jobSet, userId, groups: [...groups], events: [] };
      sequences.set(record.jobSet, sequence);
    }
    sequence.events.push(event);
  }
  return { ...Batch.create(), queue, sequences: [...sequences.values()], changed };
}

function byId(jobs: readonly StoredJob[]): Map<string, StoredJob> {
  return new Map(jobs.map((job) => [job.record?.jobId ?? '', job]));
}
