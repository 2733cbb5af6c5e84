/** Comparing what stores answer: messages by their bytes, since a decoded one and a built one differ as objects. */
import { JobRecord, LogEntry, type StoredJob, StoredSequence } from '@armada-ts/api/armada/store/v1/store';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { unpackJobs } from '@armada-ts/server/store/packed-jobs';
import type { ActivePage, AppendResult, Batch, Lead, Store } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';

export function shownJob({ record, version }: StoredJob): string {
  assert(record);
  return `${record.jobId}@${version} ${hex(JobRecord.encode(record))}`;
}

export function shownSequence(sequence: StoredSequence): string {
  return `${sequence.jobSet}#${sequence.number}@${sequence.streamCreatedMs} ${hex(StoredSequence.encode(sequence))}`;
}

export function shownSpec(spec: SubmitJob): string {
  return hex(SubmitJob.encode(spec));
}

export function shownEntry(entry: LogEntry): string {
  return `${entry.partition}/${entry.number} ${hex(LogEntry.encode(entry))}`;
}

function hex(writer: { finish(): Uint8Array }): string {
  return Buffer.from(writer.finish()).toString('hex');
}

/** The entry of a batch that must be applied. */
export async function applied(store: Store, batch: Batch): Promise<LogEntry> {
  return entryOf(await store.append(batch));
}

/** Takes the lead, whoever has it. */
export async function leadAnew(store: Store): Promise<Lead> {
  const server = { id: 'anew', name: 'a', address: 'a:1', version: '1', startedAtMs: 0 };
  const { term } = await store.servers.meet(server);
  const led = await store.lead({ serverId: server.id, after: term });
  assert(led, 'nobody else takes the lead meanwhile');
  return led;
}

export function entryOf(result: AppendResult): LogEntry {
  assert(result.outcome === 'applied', `expected the batch to be applied, got ${result.outcome}`);
  return result.entry;
}

export function idsOf(jobs: readonly { record: JobRecord | undefined }[]): string[] {
  return jobs.map(({ record }) => record?.jobId ?? '');
}

/** Everything that a rejected batch must leave as it was. */
export async function snapshot(store: Store, queue: string): Promise<unknown> {
  const heads = await store.heads();
  const jobSets = await store.read.activeJobSets(queue);
  const active = await allActive(store);
  const streams = [];
  for (const { jobSet } of jobSets) {
    streams.push((await store.read.stream(queue, jobSet, 0, 1e9)).map(shownSequence));
  }
  return { heads, jobSets, jobs: active.jobs.map(shownJob), operations: active.operations, streams };
}

/** All pages of what is live. */
export async function allActive(
  store: Store,
): Promise<Pick<ActivePage, 'classes' | 'operations'> & { jobs: StoredJob[] }> {
  const all: Awaited<ReturnType<typeof allActive>> = { jobs: [], classes: [], operations: [] };
  let cursor: string | undefined = '';
  while (cursor !== undefined) {
    const page: ActivePage = await store.read.active(cursor);
    all.jobs.push(...unpackJobs(page.jobs));
    all.classes.push(...page.classes);
    all.operations.push(...page.operations);
    cursor = page.next;
  }
  return all;
}
