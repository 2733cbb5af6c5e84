/**
 * The scheduler's thread: turns messages into calls of the scheduler and calls
 * its tick when it asks to be called. There is at most one tick for all
 * messages that have arrived meanwhile.
 */
import { QueueList } from '@armada-ts/api/api/queue';
import { ReadFleetRequest, ReadFleetResponse } from '@armada-ts/api/armada/server/v1/peers';
import { Batch, ExecutorRecord, ExecutorSettings, LogEntry } from '@armada-ts/api/armada/store/v1/store';
import { LeaseRequest } from '@armada-ts/api/executorapi/executorapi';
import { createRandom } from '../base/random.ts';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../base/clock.ts';
import { addDuration } from '../base/durations.ts';
import type { Logger } from '../base/logger.ts';
import { encodeMessage } from '../model/encode.ts';
import { type Scheduler, createScheduler } from './cycle.ts';
import { createDecidedBatches, type DecidedBatches } from './decided.ts';
import type { AppendOutcome } from './flight.ts';
import type { PackedJobs } from '../store/packed-jobs.ts';
import type { TailEntry } from '../store/store.ts';
import type { LoadedPage } from './apply.ts';
import { countDecided, createTally, type Tally, TOOK_MS } from './tally.ts';
import {
  aheadBytesOf,
  type FromWorker,
  type ToWorker,
  type WireOutcome,
  type WorkerStart,
  movable,
} from './messages.ts';

/** Longer sleeps are cut short, for timers take no more. */
const MAX_TIMER_MS = 60_000;

/** The host is told of so much that was taken in; it lets many times that go ahead. */
const TOLD_BYTES = 1024 * 1024;

function serve(port: MessagePort, { config, priorityClasses }: WorkerStart): void {
  const send = (message: FromWorker, bytes?: Uint8Array<ArrayBuffer>): void =>
    port.postMessage(message, bytes ? [bytes.buffer] : []);
  const logger = loggerTo(send);
  const waiting = new Map<number, (outcome: AppendOutcome) => void>();
  const decided = createDecidedBatches();
  const tally = createTally();
  let scheduler: Scheduler | undefined;
  let life = 0;
  let lastBatch = 0;
  let isLeading = false;
  let timer: NodeJS.Timeout | undefined;
  let isTickDue = false;
  let tookBytes = 0;

  const wake = (): void => {
    if (isTickDue || !isLeading) return;
    isTickDue = true;
    setImmediate(() => {
      isTickDue = false;
      clearTimeout(timer);
      if (!isLeading) return;
      const nextMs = scheduler ? timedTick(scheduler, tally) : MAX_TIMER_MS;
      if (nextMs <= 0) wake();
      else timer = setTimeout(wake, Math.min(nextMs, MAX_TIMER_MS));
    });
  };

  const reset = (message: Extract<ToWorker, { kind: 'reset' }>): void => {
    ({ life } = message);
    isLeading = false;
    clearTimeout(timer);
    waiting.clear();
    decided.clear();
    scheduler = createScheduler({
      config,
      priorityClasses: new Map(Object.entries(priorityClasses)),
      clock: systemClock,
      random: createRandom(),
      append: (batch) => {
        const id = ++lastBatch;
        const bytes = movable(encodeMessage(Batch, batch));
        decided.add(id, batch);
        send({ kind: 'append', life, batch: id, bytes }, bytes);
        return new Promise((resolve) => waiting.set(id, counting(tally, batch, resolve)));
      },
      saveExecutor: (record) => {
        const bytes = movable(ExecutorRecord.encode(record).finish());
        send({ kind: 'executor', bytes }, bytes);
      },
      wake,
      sealed: (term) => send({ kind: 'sealed', life, term }),
      tally,
      logger,
    });
    scheduler.load({ heads: message.heads });
  };

  port.on('message', (message: ToWorker) => {
    if (message.kind === 'reset') reset(message);
    else if (message.kind === 'begin') send({ kind: 'loaded', life });
    else if (message.kind === 'lead') {
      scheduler?.lead(message.term);
      isLeading = true;
    } else if (message.kind === 'outcome') {
      const resolve = message.life === life ? waiting.get(message.batch) : undefined;
      waiting.delete(message.batch);
      decided.settled(message.batch, message.outcome);
      resolve?.(fromWire(message.outcome));
    } else if (message.kind === 'ask' || message.kind === 'measure') {
      if (scheduler) answer(scheduler, message, send);
    } else if (scheduler) {
      const executorId = take(scheduler, decided, message);
      if (executorId !== undefined) send({ kind: 'saw', executorId });
      tookBytes += aheadBytesOf(message);
      if (tookBytes >= TOLD_BYTES) {
        send({ kind: 'took', bytes: tookBytes });
        tookBytes = 0;
      }
    }
    wake();
  });
}

type Input = Exclude<ToWorker, { kind: 'reset' | 'begin' | 'lead' | 'outcome' | 'ask' | 'measure' }>;

function answer(
  scheduler: Scheduler,
  message: Extract<ToWorker, { kind: 'ask' | 'measure' }>,
  send: (message: FromWorker, bytes?: Uint8Array<ArrayBuffer>) => void,
): void {
  if (message.kind === 'measure') return send({ kind: 'figures', figures: scheduler.measure() });
  const { id, bytes } = message;
  const told = movable(
    ReadFleetResponse.encode(scheduler.viewFleet(ReadFleetRequest.decode(bytes))).finish(),
  );
  send({ kind: 'answer', id, bytes: told }, told);
}

function timedTick(scheduler: Scheduler, { ticks }: Tally): number {
  const beganMs = systemClock.elapsed();
  const nextMs = scheduler.tick();
  addDuration(ticks, TOOK_MS, systemClock.elapsed() - beganMs);
  return nextMs;
}

/** Counts what a batch has decided, once it is in the log. */
function counting(
  tally: Tally,
  batch: Batch,
  resolve: (outcome: AppendOutcome) => void,
): (outcome: AppendOutcome) => void {
  return (outcome) => {
    if (outcome.outcome === 'applied') countDecided(tally, batch);
    resolve(outcome);
  };
}

/** Hands a message to the scheduler; the executor's id when it is what one showed. */
function take(scheduler: Scheduler, decided: DecidedBatches, message: Input): string | undefined {
  switch (message.kind) {
    case 'queues':
      scheduler.load({ queues: QueueList.decode(message.bytes).queues });
      return undefined;
    case 'executor':
      scheduler.load({ executors: [ExecutorRecord.decode(message.bytes)] });
      return undefined;
    case 'settings':
      scheduler.load({ settings: [ExecutorSettings.decode(message.bytes)] });
      return undefined;
    case 'page': {
      scheduler.load({ page: pageOf(message) });
      return undefined;
    }
    case 'entries': {
      const entries = [...entriesIn(message, decided)];
      scheduler.apply(entries);
      for (const { partition, number } of entries) decided.reached(partition, number);
      return undefined;
    }
    case 'seen': {
      const request = LeaseRequest.decode(message.bytes);
      scheduler.executorSeen(request, message.isRepeated);
      return request.executorId;
    }
    case 'deaf':
      scheduler.restartSilence();
      return undefined;
  }
}

function pageOf({ bytes, jobs: packed }: Extract<Input, { kind: 'page' }>): LoadedPage {
  const entry = LogEntry.decode(bytes);
  return { jobs: packedIn(entry, packed), classes: entry.classes, operations: entry.opened };
}

function* entriesIn(
  { bytes, lengths, decided: ids }: Extract<Input, { kind: 'entries' }>,
  decided: DecidedBatches,
): Iterable<TailEntry> {
  let start = 0;
  const next = (length = 0): Uint8Array => bytes.subarray(start, (start += length));
  for (const [i, id] of ids.entries()) {
    const entry = LogEntry.decode(next(lengths[2 * i]));
    const packed = next(lengths[2 * i + 1]);
    yield id === undefined
      ? { ...entry, jobs: [], packed: packedIn(entry, packed) }
      : decided.entryOf(id, entry);
  }
}

/** Packed jobs: what they have in common stands in place of the jobs of an entry. */
function packedIn({ jobs }: LogEntry, { buffer, byteOffset, byteLength }: Uint8Array): PackedJobs {
  const commons = jobs.flatMap(({ record }) => (record ? [record] : []));
  return { commons, bytes: Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength) };
}

function fromWire(outcome: WireOutcome): AppendOutcome {
  if (outcome.outcome !== 'stale') return outcome;
  const { partition, jobs, versions } = outcome;
  return {
    outcome: 'stale',
    partition,
    versions: new Map(jobs.map((id, index) => [id, versions[index] ?? 0])),
  };
}

/** Log lines are written by the main thread, so that there is one log. */
function loggerTo(send: (message: FromWorker) => void, bound: object = {}): Logger {
  const at = (level: 'debug' | 'info' | 'warn' | 'error') => (fields: object, message: string) =>
    send({ kind: 'log', level, fields: { ...bound, ...fields }, message });
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: (fields) => loggerTo(send, { ...bound, ...fields }),
    // The main thread knows.
    isLevelEnabled: () => true,
  };
}

if (parentPort) serve(parentPort, workerData as WorkerStart);
