/**
 * The main thread's side of the scheduler: takes the lead, loads what the store
 * has, feeds the scheduler's thread with the log and with executor snapshots,
 * and makes its calls to the store.
 *
 * It follows the log by itself, from exactly the heads at which it took the
 * lead: whatever else the process follows, the scheduler misses nothing.
 */
import { QueueList } from '@armada-ts/api/api/queue';
import {
  Batch,
  Control_Kind,
  ExecutorRecord,
  ExecutorSettings,
  LogEntry,
} from '@armada-ts/api/armada/store/v1/store';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { isPassing, untilAvailable } from '../base/retry.ts';
import { encodeMessage } from '../model/encode.ts';
import { partitionOfSlot, slotOfQueue } from '../model/ids.ts';
import type { PriorityClass } from '../model/priority-class.ts';
import type { Positions, Store } from '../store/store.ts';
import type { SchedulerConfig } from './config.ts';
import { type FromWorker, type ToWorker, type WireOutcome, type WorkerStart, movable } from './messages.ts';
import { createSightings, type Sighting } from './sightings.ts';

export interface SchedulerHostDeps {
  store: Store;
  config: SchedulerConfig;
  priorityClasses: Readonly<Record<string, PriorityClass>>;
  clock: Clock;
  logger: Logger;
}

export interface SchedulerHost {
  /** The number that fences this leader from earlier ones. */
  readonly term: number;
  /** Told of every lease request: it is the executor's sign of life. */
  executorSeen(sighting: Sighting): void;
  /** Rejects when the thread has crashed, the store has failed for good or another leader has taken over. */
  readonly failed: Promise<never>;
  /** Stops deciding; decisions on their way are finished. */
  close(): Promise<void>;
}

/** Bytes of pages and entries that the thread may have before it; beyond it reading waits. */
const MAX_AHEAD_BYTES = 32 * 1024 * 1024;

const RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;

interface Thread {
  send(message: ToWorker, bytes?: Uint8Array<ArrayBuffer>): void;
  /** Resolves when the thread is not too far behind. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

/** Takes the lead and starts deciding. Throws what reading the store throws. */
export async function startScheduler(deps: SchedulerHostDeps): Promise<SchedulerHost> {
  const { store, logger } = deps;
  const stopping = new AbortController();
  const failure = Promise.withResolvers<never>();
  // Nobody need be listening yet, or ever.
  failure.promise.catch(() => {});
  const fail = (error: unknown): void => {
    if (stopping.signal.aborted) return;
    logger.error({ err: error }, 'the scheduler has failed');
    stopping.abort();
    failure.reject(error instanceof Error ? error : new Error(String(error)));
  };
  const appends = new Set<Promise<void>>();
  const lives: Lives = {
    now: 1,
    async next() {
      lives.now++;
      await Promise.all(appends);
      return lives.now;
    },
  };
  const sightings = createSightings((sighting) => {
    const bytes = movable(sighting.encoded());
    thread.send({ kind: 'seen', bytes, isRepeated: sighting.isRepeated }, bytes);
  });
  const thread = startThread(deps, fail, (message) => {
    if (message.kind === 'saw') sightings.saw(message.executorId);
    if (message.kind !== 'append' || message.life !== lives.now) return;
    const append = answerAppend(deps, thread, message, stopping.signal).catch(fail);
    appends.add(append);
    void append.finally(() => appends.delete(append));
  });
  const self = { id: 'scheduler', name: '', address: '', version: '', startedAtMs: 0 };
  const led = await store.lead({ serverId: self.id, after: (await store.servers.meet(self)).term });
  if (!led) throw new Error('another server has taken the lead');
  const { term, heads } = led;
  let following: Promise<void> = Promise.resolve();
  try {
    await load({ store, thread }, { life: lives.now, term }, heads);
    following = follow({ store, thread, term, lives }, heads, stopping.signal).catch(fail);
  } catch (error) {
    stopping.abort();
    await thread.stop();
    throw error;
  }
  logger.info({ term }, 'this server leads');
  return {
    term,
    failed: failure.promise,
    executorSeen: (sighting) => sightings.see(sighting),
    async close() {
      stopping.abort();
      await Promise.all([following, ...appends]);
      await thread.stop();
    },
  };
}

/** Each time that everything is loaded anew, the thread begins another life. */
interface Lives {
  now: number;
  /**
   * Lets the present one decide nothing more, and resolves with the next when it
   * is known what became of what it had decided: a lease that is kept after its
   * node was loaded would fill that node twice.
   */
  next(): Promise<number>;
}

/** Hands the thread everything a new leader must know. The heads were read before. */
async function load(
  { store, thread }: { store: Store; thread: Thread },
  { life, term }: { life: number; term: number },
  heads: Positions,
): Promise<void> {
  thread.send({ kind: 'reset', life, term, heads: [...heads] });
  const queues = (await store.read.queues()).map(({ queue }) => queue);
  const list = movable(QueueList.encode({ queues }).finish());
  thread.send({ kind: 'queues', bytes: list }, list);
  let cursor: string | undefined = '';
  while (cursor !== undefined) {
    const page = await store.read.active(cursor);
    const { jobs, classes, operations: opened } = page;
    const bytes = movable(encodeMessage(LogEntry, { ...LogEntry.create(), jobs, classes, opened }));
    await thread.ready();
    // A page is read in one go: when it is the log that was lost, others need this thread too.
    await setImmediate();
    thread.send({ kind: 'page', bytes }, bytes);
    cursor = page.next;
  }
  for (const record of await store.read.executors()) {
    const bytes = movable(ExecutorRecord.encode(record).finish());
    thread.send({ kind: 'executor', bytes }, bytes);
  }
  for (const settings of await store.read.executorSettings()) {
    const bytes = movable(ExecutorSettings.encode(settings).finish());
    thread.send({ kind: 'settings', bytes }, bytes);
  }
  thread.send({ kind: 'begin' });
}

/** Feeds the thread with the log until the signal aborts; after falling off it loads anew. */
async function follow(
  parts: { store: Store; thread: Thread; term: number; lives: Lives },
  heads: Positions,
  signal: AbortSignal,
): Promise<void> {
  const { store, thread, term, lives } = parts;
  let from = heads;
  while (!signal.aborted) {
    for await (const item of store.tail(from, signal)) {
      if (item.kind === 'fell-off') break;
      const encoded = item.entries.map((entry) => encodeMessage(LogEntry, neededOf(entry)));
      const lengths = encoded.map((one) => one.length);
      const bytes = movable(Buffer.concat(encoded));
      await thread.ready();
      thread.send({ kind: 'entries', bytes, lengths }, bytes);
    }
    if (signal.aborted) return;
    const life = await lives.next();
    // A store that comes back from a loss may go again before everything is loaded.
    from = await untilAvailable(async () => {
      const newest = await store.heads();
      await load(parts, { life, term }, newest);
      return newest;
    }, signal);
  }
}

/** An entry as the thread needs it: the records tell all but which jobs are new. */
function neededOf(entry: LogEntry): LogEntry {
  const sequences = entry.sequences.filter(({ events }) =>
    events?.events.some(({ event }) => event?.$case === 'submitJob'),
  );
  return { ...entry, sequences };
}

function startThread(
  deps: SchedulerHostDeps,
  fail: (error: unknown) => void,
  hear: (message: FromWorker) => void,
): Thread {
  const { config, priorityClasses, logger } = deps;
  const source = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
  const start: WorkerStart = { config, priorityClasses };
  const worker = new Worker(new URL(source, import.meta.url), { workerData: start, name: 'scheduler' });
  let aheadBytes = 0;
  let isStopped = false;
  const waiting: (() => void)[] = [];
  const letGo = (): void => {
    for (const resolve of waiting.splice(0)) resolve();
  };
  worker.on('message', (message: FromWorker) => {
    if (message.kind === 'log') logger[message.level](message.fields, message.message);
    else if (message.kind === 'took') {
      aheadBytes -= message.bytes;
      if (aheadBytes < MAX_AHEAD_BYTES) letGo();
    } else if (message.kind === 'sealed') {
      fail(new Error(`another server has taken the lead with term ${message.term}`));
    } else if (message.kind === 'executor') {
      saveExecutor(deps, message.bytes);
    } else {
      hear(message);
    }
  });
  worker.on('error', fail);
  worker.on('exit', (code) => {
    isStopped = true;
    letGo();
    fail(new Error(`the scheduler's thread has ended with code ${code}`));
  });
  return {
    send(message, bytes) {
      if (isStopped) return;
      if (message.kind === 'page' || message.kind === 'entries') aheadBytes += message.bytes.length;
      worker.postMessage(message, bytes ? [bytes.buffer] : []);
    },
    ready: () =>
      aheadBytes < MAX_AHEAD_BYTES || isStopped
        ? Promise.resolve()
        : new Promise((resolve) => waiting.push(resolve)),
    async stop() {
      await worker.terminate();
    },
  };
}

/** Appends a batch of the thread's and tells it the outcome. */
async function answerAppend(
  deps: SchedulerHostDeps,
  thread: Thread,
  message: Extract<FromWorker, { kind: 'append' }>,
  signal: AbortSignal,
): Promise<void> {
  const decisions = { batch: Batch.decode(message.bytes), encoded: message.bytes };
  const outcome = await appendUntilKnown(deps, thread, decisions, signal);
  if (outcome) thread.send({ kind: 'outcome', life: message.life, batch: message.batch, outcome });
}

/** A batch as the thread sent it. */
interface Decisions {
  batch: Batch;
  encoded: Uint8Array;
}

/**
 * An append whose outcome is unknown is repeated until it is known: repeating
 * is harmless, and giving up would leave the jobs undecided. Undefined when the
 * server stops first.
 */
async function appendUntilKnown(
  { store, logger }: SchedulerHostDeps,
  thread: Thread,
  decisions: Decisions,
  signal: AbortSignal,
): Promise<WireOutcome | undefined> {
  for (let tries = 0; ; tries++) {
    try {
      const outcome = await appendOnce(store, decisions);
      if (tries > 0) thread.send({ kind: 'deaf' });
      return outcome;
    } catch (error) {
      if (!isPassing(error)) throw error;
      const { queue } = decisions.batch;
      logger.warn({ err: error, queue }, 'the store did not take a decision; trying again');
    }
    await sleep(Math.min(RETRY_MS * 2 ** tries, MAX_RETRY_MS), undefined, { signal }).catch(() => {});
    if (signal.aborted) return undefined;
  }
}

async function appendOnce(store: Store, { batch, encoded }: Decisions): Promise<WireOutcome> {
  const result = await store.append(batch, encoded);
  switch (result.outcome) {
    case 'applied':
      return { outcome: 'applied', partition: result.entry.partition, number: result.entry.number };
    case 'stale':
      return {
        outcome: 'stale',
        partition: partitionOfSlot(slotOfQueue(batch.queue), store.info.partitions),
        jobs: result.current.map(({ record }) => record?.jobId ?? ''),
        versions: result.current.map(({ version }) => version),
      };
    case 'sealed':
      return { outcome: 'sealed', term: result.term };
    case 'repeated':
    case 'claimed':
    case 'no-queue':
      throw new Error(`the store answered a decision with "${result.outcome}"`);
  }
}

/** Losing this record costs a new leader some patience, nothing else, so failures are only logged. */
function saveExecutor({ store, logger }: SchedulerHostDeps, bytes: Uint8Array): void {
  const { id } = ExecutorRecord.decode(bytes);
  store.control({ kind: Control_Kind.KIND_EXECUTOR, name: id, record: bytes }).catch((error: unknown) => {
    logger.warn({ err: error, executor: id }, 'the record of an executor was not kept');
  });
}
