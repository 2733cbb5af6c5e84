/**
 * The main thread's end of the writer thread: numbers orders, bounds what
 * waits, and hands each answer to whoever asked.
 */
import { Worker } from 'node:worker_threads';
import { ArmadaError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { decodeApplied, packOrders } from './messages.ts';
import type { Answer, FromWriter, Order, Outcomes, ToWriter, Work, WriterStart } from './messages.ts';
import type { Fixed } from './schema.ts';

/** How soon a refused append may find room: a full queue is written in about a second. */
const RETRY_AFTER_MS = 500;

/** What the smallest order takes until it is answered: without it, orders of no size would be without bound. */
const ORDER_BYTES = 1024;

/** The writer thread, seen from the main thread. */
export interface Pipe {
  readonly fixed: Fixed;
  /**
   * Has work done and settles it: `settle` runs as soon as the answer is in, in
   * the order in which work was committed, before the promise resolves.
   * Throws OVERLOADED when too much waits, UNAVAILABLE when the disk fails.
   */
  send<Kind extends Work['kind'], Value>(
    order: { work: Extract<Work, { kind: Kind }>; urgent: boolean; bytes: number },
    settle: (outcome: Outcomes[Kind]) => Value,
  ): Promise<Value>;
  /** Rejects when the thread has died. */
  readonly failed: Promise<never>;
  /** Resolves when everything sent has been answered. */
  drained(): Promise<void>;
  /** Stops the thread. Call after drained. */
  stop(): Promise<void>;
}

interface Waiting {
  bytes: number;
  settle(value: Outcomes[Work['kind']]): void;
  fail(error: Error): void;
}

/** Starts the writer thread and waits until it has opened the database. */
export async function openPipe(start: WriterStart, logger: Logger, maxQueuedBytes: number): Promise<Pipe> {
  const source = import.meta.url.endsWith('.ts') ? './writer.ts' : './writer.js';
  const worker = new Worker(new URL(source, import.meta.url), { workerData: start, name: 'store writer' });
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const fixed = await opened(worker);
  const waiting = new Map<number, Waiting>();
  const idle: (() => void)[] = [];
  let outbox: Order[] = [];
  let queuedBytes = 0;
  let lastId = 0;
  let stopped: ArmadaError | undefined;
  const death = Promise.withResolvers<never>();
  // Nobody need be listening.
  death.promise.catch(() => {});

  function settle(answer: Answer): void {
    const order = waiting.get(answer.id);
    if (!order) return;
    waiting.delete(answer.id);
    queuedBytes -= order.bytes;
    if ('value' in answer) order.settle(answer.value);
    else order.fail(failureOf(answer));
    if (waiting.size === 0) for (const resolve of idle.splice(0)) resolve();
  }

  function fail(cause: unknown): void {
    if (stopped) return;
    logger.error({ err: cause }, 'the store writer has stopped');
    stopped = new ArmadaError('UNAVAILABLE', 'the store writer has stopped; restart the server', { cause });
    for (const id of waiting.keys()) settle({ id, failure: stopped.message, unavailable: true });
    death.reject(stopped);
  }

  function flush(): void {
    const orders = outbox;
    outbox = [];
    post(worker, orders);
  }

  worker.on('message', (message: FromWriter) => {
    if (message.kind === 'applied') for (const answer of decodeApplied(message.numbers)) settle(answer);
    if (message.kind === 'answer') settle(message.answer);
  });
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`exit code ${code}`)));

  return {
    fixed,
    failed: death.promise,
    send({ work, urgent, bytes: workBytes }, onAnswer) {
      const bytes = workBytes + ORDER_BYTES;
      if (stopped) return Promise.reject(stopped);
      // Decisions and reports may use as much again: refusing them would keep the queue full.
      if (queuedBytes + bytes > maxQueuedBytes * (urgent ? 2 : 1) && queuedBytes > 0) {
        return Promise.reject(
          new ArmadaError('OVERLOADED', 'the store has more to write than it may hold', {
            retryAfterMs: RETRY_AFTER_MS,
          }),
        );
      }
      return new Promise((resolve, reject) => {
        const id = ++lastId;
        queuedBytes += bytes;
        waiting.set(id, {
          bytes,
          // The answer's kind is that of the work it answers.
          settle: (value) => resolve(onAnswer(value as Parameters<typeof onAnswer>[0])),
          fail: reject,
        });
        outbox.push({ id, urgent, bytes: workBytes, work });
        // What comes in the same turn of the event loop goes to the writer as one message, and so into one commit.
        if (outbox.length === 1) setImmediate(flush);
      });
    },
    drained: () => (waiting.size === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
    async stop() {
      stopped ??= new ArmadaError('UNAVAILABLE', 'the store is closed');
      worker.postMessage('close' satisfies ToWriter);
      await exited;
    },
  };
}

/** Sends orders, handing over the memory of their batches. */
function post(worker: Worker, orders: readonly Order[]): void {
  const { packed, moved } = packOrders(orders);
  worker.postMessage(packed satisfies ToWriter, moved);
}

/** Waits for the first message of the writer. */
function opened(worker: Worker): Promise<Fixed> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (message: FromWriter) => {
      worker.off('error', reject);
      if (message.kind === 'open') resolve(message.fixed);
      else if (message.kind === 'refused') {
        reject(new ArmadaError(message.code, message.message, { faults: message.faults }));
      } else reject(new Error('the store writer answered before it was open'));
    });
  });
}

function failureOf(answer: { failure: string; unavailable: boolean }): Error {
  if (!answer.unavailable) return new Error(`the store refused a batch: ${answer.failure}`);
  return new ArmadaError('UNAVAILABLE', `the store could not write: ${answer.failure}`);
}
