/** The scheduler's writes: its decisions, and what it remembers of executors. */
import { Batch, Control_Kind, ExecutorRecord } from '@armada-ts/api/armada/store/v1/store';
import { readerOf } from '@armada-ts/api/encoded/reader';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/logger.ts';
import { isPassing } from '../base/retry.ts';
import { partitionOfSlot, slotOfQueue } from '../model/ids.ts';
import type { Store } from '../store/store.ts';
import type { Life } from './life.ts';
import type { FromWorker, WireOutcome } from './messages.ts';
import type { Thread } from './thread.ts';

export interface AppendingDeps {
  store: Store;
  thread: Thread;
  logger: Logger;
}

const RETRY_MS = 50;
const MAX_RETRY_MS = 2_000;

/** Appends a batch of the thread's and tells it the outcome, unless its life is over before there is one. */
export async function answerAppend(
  deps: AppendingDeps,
  life: Life,
  message: Extract<FromWorker, { kind: 'append' }>,
): Promise<void> {
  const decisions = { batch: Batch.decode(readerOf(message.bytes)), encoded: message.bytes };
  const first = decisions.batch.changed[0]?.record;
  if (first) life.decided.set(first, message.batch);
  const outcome = await appendUntilKnown(deps, decisions, life.over);
  if (outcome) deps.thread.send({ kind: 'outcome', life: message.life, batch: message.batch, outcome });
}

/** A batch as the thread sent it. */
interface Decisions {
  batch: Batch;
  encoded: Uint8Array;
}

/**
 * An append whose outcome is unknown is repeated until it is known: repeating is
 * harmless, and giving up would leave the jobs undecided. Undefined when the life
 * is over first: the next one decides nothing before a later term has sealed the
 * log, and finds there what has become of it.
 */
async function appendUntilKnown(
  { store, thread, logger }: AppendingDeps,
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
      if (signal.aborted) return undefined;
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
export function saveExecutor({ store, logger }: Omit<AppendingDeps, 'thread'>, bytes: Uint8Array): void {
  const { id } = ExecutorRecord.decode(bytes);
  store.control({ kind: Control_Kind.KIND_EXECUTOR, name: id, record: bytes }).catch((error: unknown) => {
    logger.warn({ err: error, executor: id }, 'the record of an executor was not kept');
  });
}
