/** The scheduler's thread, seen from the main thread. */
import { Worker } from 'node:worker_threads';
import type { Logger } from '../base/logger.ts';
import type { PriorityClass } from '../model/priority-class.ts';
import type { SchedulerConfig } from './config.ts';
import { aheadBytesOf, type FromWorker, type ToWorker, type WorkerStart } from './messages.ts';

/** Bytes of pages and entries that the thread may have before it; beyond it reading waits. */
const MAX_AHEAD_BYTES = 32 * 1024 * 1024;

export interface Thread {
  /** @param moved what of the message changes hands */
  send(message: ToWorker, ...moved: Uint8Array<ArrayBuffer>[]): void;
  /** Resolves when the thread is not too far behind. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

export interface ThreadDeps {
  config: SchedulerConfig;
  priorityClasses: Readonly<Record<string, PriorityClass>>;
  logger: Logger;
}

/** What the thread says, but for what it has taken in and what it logs. */
export type Saying = Exclude<FromWorker, { kind: 'log' | 'took' }>;

export interface ThreadEvents {
  hear: (message: Saying) => void;
  /** It has ended by itself. */
  fail: (error: unknown) => void;
}

export function startThread(
  { config, priorityClasses, logger }: ThreadDeps,
  { hear, fail }: ThreadEvents,
): Thread {
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
    } else hear(message);
  });
  worker.on('error', fail);
  worker.on('exit', (code) => {
    isStopped = true;
    letGo();
    fail(new Error(`the scheduler's thread has ended with code ${code}`));
  });
  return {
    send(message, ...moved) {
      if (isStopped) return;
      aheadBytes += aheadBytesOf(message);
      worker.postMessage(
        message,
        moved.map(({ buffer }) => buffer),
      );
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
