/** What the scheduler's thread knows: all that the store has, and from there on the log. */
import { QueueList } from '@armada-ts/api/api/queue';
import { ExecutorRecord, ExecutorSettings, LogEntry } from '@armada-ts/api/armada/store/v1/store';
import { setImmediate } from 'node:timers/promises';
import { untilAvailable } from '../base/retry.ts';
import { encodeMessage } from '../model/encode.ts';
import { jobKey } from '../model/job-key.ts';
import { commonPart, type PackedJobs, packRecords } from '../store/packed-jobs.ts';
import type { ActivePage, Positions, Store, StoredJob, TailEntry } from '../store/store.ts';
import type { Life } from './life.ts';
import { movable } from './messages.ts';
import type { Thread } from './thread.ts';

interface Ends {
  store: Store;
  thread: Thread;
}

/** Loads everything into the thread, which knows nothing else then. A store that comes back from a loss may go again before that is done. */
export async function load(ends: Ends, life: Life): Promise<void> {
  const { store, thread } = ends;
  await untilAvailable(async () => {
    const heads = await store.heads();
    await loadFrom(ends, life, heads);
    for (const [partition, head] of heads.entries()) life.feed(partition, head);
  }, life.over);
  if (life.over.aborted) return;
  thread.send({ kind: 'begin' });
  await life.loaded.promise;
}

/** The heads were read before: what is newer comes by the log, again or for the first time. */
async function loadFrom({ store, thread }: Ends, { number, over }: Life, heads: Positions): Promise<void> {
  thread.send({ kind: 'reset', life: number, heads: [...heads] });
  const queues = (await store.read.queues()).map(({ queue }) => queue);
  const list = movable(QueueList.encode({ queues }).finish());
  thread.send({ kind: 'queues', bytes: list }, list);
  let reading: Promise<ActivePage> | undefined = store.read.active('');
  while (reading && !over.aborted) {
    const { jobs, classes, operations: opened, next }: ActivePage = await reading;
    // Another process may read while this one encodes. What fails then fails when it is waited for.
    reading = next === undefined ? undefined : store.read.active(next);
    reading?.catch(() => {});
    const shared = commonsOf(jobs);
    const bytes = movable(encodeMessage(LogEntry, { ...LogEntry.create(), jobs: shared, classes, opened }));
    const packed = movable(jobs.bytes);
    await thread.ready();
    // A page is read in one go: others need this thread too.
    await setImmediate();
    thread.send({ kind: 'page', bytes, jobs: packed }, bytes, packed);
  }
  for (const record of await store.read.executors()) {
    const bytes = movable(ExecutorRecord.encode(record).finish());
    thread.send({ kind: 'executor', bytes }, bytes);
  }
  for (const settings of await store.read.executorSettings()) {
    const bytes = movable(ExecutorSettings.encode(settings).finish());
    thread.send({ kind: 'settings', bytes }, bytes);
  }
}

/** Feeds the thread with the log from where it was loaded, until the life is over or the log no longer reaches back to there. */
export async function feed({ store, thread }: Ends, life: Life): Promise<void> {
  for await (const item of store.tail([...life.fed], life.over)) {
    if (item.kind === 'fell-off') return;
    // The ring holds what was appended, as the very objects it was appended as.
    const decided = item.entries.map(({ jobs: [first] }) => first?.record && life.decided.get(first.record));
    const encoded = item.entries.flatMap((entry, i) =>
      decided[i] === undefined ? neededOf(entry) : [encodeMessage(LogEntry, placeOf(entry)), NO_JOBS],
    );
    const lengths = encoded.map((one) => one.length);
    const bytes = movable(Buffer.concat(encoded));
    await thread.ready();
    if (life.over.aborted) return;
    thread.send({ kind: 'entries', bytes, lengths, decided }, bytes);
    for (const { partition, number } of item.entries) life.feed(partition, number);
  }
}

/** An entry as the thread needs it: what it says besides its jobs, and these, packed. */
function neededOf(entry: TailEntry): [Uint8Array, Uint8Array] {
  const packed = entry.packed ?? packEntry(entry);
  return [encodeMessage(LogEntry, { ...entry, sequences: [], jobs: commonsOf(packed) }), packed.bytes];
}

function packEntry({ number, sequences, jobs }: LogEntry): PackedJobs {
  const created = new Set(
    sequences.flatMap(({ events }) =>
      (events?.events ?? []).flatMap(({ event }) => (event?.$case === 'submitJob' ? event.value.jobId : [])),
    ),
  );
  return packRecords(
    jobs.flatMap(({ record, version }) => {
      const key = record && jobKey(record.jobId);
      return key ? [{ record, key, version, submitted: created.has(record.jobId) ? number : 0 }] : [];
    }),
  );
}

const NO_JOBS = new Uint8Array();

/** In place of jobs stands what they have in common. */
function commonsOf({ commons }: PackedJobs): StoredJob[] {
  return commons.map((record) => ({ record: commonPart(record), version: 0, submittedNumber: undefined }));
}

/** Where an entry is, without what it says. */
function placeOf({ partition, number }: LogEntry): LogEntry {
  return { ...LogEntry.create(), partition, number };
}
