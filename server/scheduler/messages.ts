/**
 * What crosses between the main thread (host.ts) and the scheduler's thread
 * (worker.ts): encoded messages in buffers that change hands, and small
 * numbers. Nothing is shared.
 */
import type { LogLevel } from '../base/logger.ts';
import type { PriorityClass } from '../model/priority-class.ts';
import type { SchedulerConfig } from './config.ts';
import type { SchedulerFigures } from './figures.ts';

/** The worker's settings, given when it is started. */
export interface WorkerStart {
  config: SchedulerConfig;
  priorityClasses: Readonly<Record<string, PriorityClass>>;
}

export type ToWorker =
  /** Begin anew, with nothing known; the store was read up to these positions or later. */
  | { kind: 'reset'; life: number; heads: number[] }
  /** Part of what a scheduler must know: an api.QueueList, an ExecutorRecord or its settings, a page: a LogEntry with what many jobs have in common, and the jobs, packed. */
  | { kind: 'queues'; bytes: Uint8Array }
  | { kind: 'executor'; bytes: Uint8Array }
  | { kind: 'settings'; bytes: Uint8Array }
  | { kind: 'page'; bytes: Uint8Array; jobs: Uint8Array<ArrayBuffer> }
  /** That was all; answered with `loaded`. */
  | { kind: 'begin' }
  /** This server leads, and all that is in the log up to its seal was sent before: decide. */
  | { kind: 'lead'; term: number }
  /** Encoded LogEntries, of which the jobs are what their jobs have in common, each with these behind it, packed; and the lengths of both. Of those that are batches of the thread's own, which; they say no more than where they are. */
  | { kind: 'entries'; bytes: Uint8Array; lengths: number[]; decided: (number | undefined)[] }
  /** An encoded executorapi.LeaseRequest, answered with `saw`: of each executor one is on its way at a time. */
  | { kind: 'seen'; bytes: Uint8Array; isRepeated: boolean }
  | { kind: 'outcome'; life: number; batch: number; outcome: WireOutcome }
  /** The store could not be reached for a while. */
  | { kind: 'deaf' }
  /** An encoded ReadFleetRequest, answered with `answer`. */
  | { kind: 'ask'; id: number; bytes: Uint8Array }
  /** Answered with `figures`. */
  | { kind: 'measure' };

export type WireOutcome =
  | { outcome: 'applied'; partition: number; number: number }
  | { outcome: 'stale'; partition: number; jobs: string[]; versions: number[] }
  | { outcome: 'sealed'; term: number };

export type FromWorker =
  /** What the store had when this life began has been taken in. */
  | { kind: 'loaded'; life: number }
  /** That many bytes of pages or entries have been taken in. */
  | { kind: 'took'; bytes: number }
  /** What this executor showed has been taken in. */
  | { kind: 'saw'; executorId: string }
  /** An encoded Batch to append. */
  | { kind: 'append'; life: number; batch: number; bytes: Uint8Array }
  /** An encoded ExecutorRecord to keep. */
  | { kind: 'executor'; bytes: Uint8Array }
  /** An encoded ReadFleetResponse. */
  | { kind: 'answer'; id: number; bytes: Uint8Array }
  | { kind: 'figures'; figures: SchedulerFigures }
  | { kind: 'sealed'; life: number; term: number }
  | { kind: 'log'; level: Exclude<LogLevel, 'silent'>; fields: object; message: string };

/** Bytes of a message of which the thread says when it has taken them in; 0 for others. */
export function aheadBytesOf(message: ToWorker): number {
  if (message.kind === 'page') return message.bytes.length + message.jobs.length;
  return message.kind === 'entries' ? message.bytes.length : 0;
}

/** The bytes in a buffer of their own, which can change hands. */
export function movable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) return new Uint8Array(buffer);
  return new Uint8Array(bytes);
}
