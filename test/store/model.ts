/**
 * The store's port in the plainest form: everything in maps, nothing kept, no
 * threads. Engines must answer as it does (model-check.ts). It is written to be
 * read, and slow.
 */
import { JobState } from '@armada-ts/api/api/job';
import type { Operation, SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import { partitionOfSlot, slotOfQueue } from '@armada-ts/server/model/ids';
import type {
  AppendResult,
  Batch,
  Claim,
  ControlChange,
  ControlResult,
  JobRecord,
  LogEntry,
  Retention,
  StoredControl,
  StoredJob,
  StoredSequence,
} from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';

interface ModelJob {
  record: JobRecord;
  version: number;
  spec: Buffer;
  claimHash: Buffer;
  /** Numbers in the stream of what submitted and what last changed it. */
  born: number;
  last: number;
}

interface ModelJobSet {
  queue: string;
  jobSet: string;
  createdMs: number;
  last: number;
  sequences: (StoredSequence & { atMs: number })[];
}

/** All state of a store, open for tests to read. */
export interface Model {
  heads: number[];
  terms: number[];
  jobs: Map<string, ModelJob>;
  jobSets: Map<string, ModelJobSet>;
  classes: Map<string, SchedulingClass>;
  operations: Map<string, Operation>;
  controls: Map<string, StoredControl>;
  /** Newest creation time of a stream that is gone. */
  removedMs: number;
}

export function createModel(partitions: number): Model {
  const zeros = (): number[] => Array.from({ length: partitions }, () => 0);
  return {
    heads: zeros(),
    terms: zeros(),
    jobs: new Map(),
    jobSets: new Map(),
    classes: new Map(),
    operations: new Map(),
    controls: new Map(),
    removedMs: 0,
  };
}

export function isLive({ record }: ModelJob): boolean {
  return record.endedAtMs === undefined;
}

export function isQueued(job: ModelJob): boolean {
  return isLive(job) && job.record.state === JobState.QUEUED;
}

export function jobsOf(model: Model, queue: string, jobSet?: string): ModelJob[] {
  const jobs = [...model.jobs.values()].filter(({ record }) => record.queue === queue);
  return jobSet === undefined ? jobs : jobs.filter(({ record }) => record.jobSet === jobSet);
}

export function claimsOf(model: Model, queue: string): Map<string, Claim> {
  const claims = jobsOf(model, queue).map(({ record, claimHash }): [string, Claim] => [
    record.clientId,
    { clientId: record.clientId, jobId: record.jobId, hash: claimHash },
  ]);
  return new Map(claims.filter(([clientId]) => clientId !== ''));
}

/** @param now the store's clock */
export function append(model: Model, batch: Batch, now: number, epochMs: number): AppendResult {
  const partition = partitionOfSlot(slotOfQueue(batch.queue), model.heads.length);
  const term = model.terms[partition] ?? 0;
  if (batch.term !== undefined && batch.term < term) return { outcome: 'sealed', term };
  const first = batch.submitted[0]?.record?.jobId;
  if (first !== undefined && model.jobs.has(first)) return { outcome: 'repeated' };
  if (first !== undefined && !model.controls.has(controlKey('queue', batch.queue)))
    return { outcome: 'no-queue' };
  const claims = claimsOf(model, batch.queue);
  const taken = batch.submitted.flatMap(({ record }) => claims.get(record?.clientId ?? '') ?? []);
  if (taken.length > 0) return { outcome: 'claimed', claims: taken };
  const stale = batch.changed.filter(
    ({ record, expectedVersion }) => model.jobs.get(record?.jobId ?? '')?.version !== expectedVersion,
  );
  if (stale.length > 0) {
    const current = stale.flatMap(({ record }) => model.jobs.get(record?.jobId ?? '') ?? []);
    return { outcome: 'stale', current: current.map(({ record, version }) => ({ record, version })) };
  }
  const entry = apply(model, batch, partition, { now, epochMs });
  model.terms[partition] = batch.term ?? term;
  return { outcome: 'applied', entry };
}

function apply(
  model: Model,
  batch: Batch,
  partition: number,
  { now, epochMs }: { now: number; epochMs: number },
): LogEntry {
  const number = (model.heads[partition] ?? 0) + 1;
  model.heads[partition] = number;
  const sequences = batch.sequences.map((events): StoredSequence => {
    const key = `${batch.queue}/${events.jobSetName}`;
    const createdMs = Math.max(now, epochMs, model.removedMs + 1);
    const fresh = { queue: batch.queue, jobSet: events.jobSetName, createdMs, last: 0, sequences: [] };
    const set = model.jobSets.get(key) ?? fresh;
    model.jobSets.set(key, set);
    const sequence = { jobSet: set.jobSet, number: ++set.last, streamCreatedMs: set.createdMs, events };
    set.sequences.push({ ...sequence, atMs: now });
    return sequence;
  });
  const place = (record: JobRecord): number =>
    sequences.find(({ jobSet }) => jobSet === record.jobSet)?.number ?? 0;
  const jobs: StoredJob[] = [];
  for (const { record, spec, claimHash } of batch.submitted) {
    assert(record);
    const born = place(record);
    model.jobs.set(record.jobId, { record, version: number, spec, claimHash, born, last: born });
    jobs.push({ record, version: number });
  }
  for (const { record } of batch.changed) {
    const job = record && model.jobs.get(record.jobId);
    assert(job);
    Object.assign(job, { record, version: number, last: place(record) || job.last });
    jobs.push({ record, version: number });
  }
  for (const each of batch.classes) model.classes.set(each.id, each);
  const opened = batch.opened.map((operation) => ({ ...operation, openedAtNumber: number }));
  for (const operation of opened) model.operations.set(operation.id, operation);
  for (const id of batch.closed) model.operations.delete(id);
  const { queue, classes, closed } = batch;
  return { partition, number, queue, sequences, jobs, classes, opened, closed, control: undefined };
}

/** Queues only; their names are the keys. */
export function control(model: Model, change: ControlChange): ControlResult {
  const { name, expectedVersion, record } = change;
  const current = model.controls.get(controlKey('queue', name));
  if (expectedVersion !== undefined && expectedVersion !== (current?.version ?? 0))
    return { outcome: 'stale', current };
  const liveJobs = jobsOf(model, name).filter(isLive).length;
  if (!record && liveJobs > 0) return { outcome: 'not-empty', liveJobs };
  const partition = partitionOfSlot(slotOfQueue(name), model.heads.length);
  const version = (model.heads[partition] ?? 0) + 1;
  model.heads[partition] = version;
  if (record) model.controls.set(controlKey('queue', name), { name, record, version });
  else model.controls.delete(controlKey('queue', name));
  return { outcome: 'applied', version };
}

export function controlKey(kind: 'queue' | 'executor', name: string): string {
  return `${kind}/${name}`;
}

export function lead(model: Model): { term: number; heads: number[] } {
  const term = Math.max(...model.terms) + 1;
  model.terms.fill(term);
  return { term, heads: [...model.heads] };
}

/** Everything that retention may remove, at once. */
export function trim(model: Model, now: number, { eventsMs, recordsMs }: Retention): void {
  for (const [key, set] of model.jobSets) {
    const jobs = jobsOf(model, set.queue, set.jobSet);
    const pinned = Math.min(Infinity, ...jobs.filter(isLive).map(({ born }) => born));
    while (set.sequences[0] && set.sequences[0].number < pinned && set.sequences[0].atMs <= now - eventsMs) {
      set.sequences.shift();
    }
    const first = set.sequences[0]?.number ?? set.last + 1;
    for (const { record, last } of jobs) {
      if (record.endedAtMs === undefined || record.endedAtMs > now - recordsMs) continue;
      if (last < first) model.jobs.delete(record.jobId);
    }
    if (set.sequences.length === 0 && jobsOf(model, set.queue, set.jobSet).length === 0) {
      model.jobSets.delete(key);
      model.removedMs = Math.max(model.removedMs, set.createdMs);
    }
  }
}
