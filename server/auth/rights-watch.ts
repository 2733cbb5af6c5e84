/**
 * Open streams and what they go on under. A call is judged when it comes; a
 * stream may stay for days, and meanwhile a token expires, an access key is
 * revoked, a queue takes a verb back. So whoever has a stream open is judged again:
 * every second by the scheme that named them and by their global permission, which
 * costs no I/O, and by a queue whenever the log says that it has changed.
 */
import { type Control, Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { ArmadaError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { QueueVerb } from '../model/queue.ts';
import type { Authorizer } from './authorizer.ts';
import type { Chain } from './chain.ts';
import type { Permission } from './permissions.ts';
import type { Principal } from './principal.ts';
import type { QueueAccessDeps } from './queue-access.ts';

/** An open stream: whose, and what it takes to have it. */
export interface WatchedStream {
  principal: Principal;
  /** Those who let it in. */
  chain: Pick<Chain, 'recheck'>;
  authorizer: Authorizer;
  /** The global permission that it takes; undefined when none. */
  permission: Permission | undefined;
  /** Ends the stream, with CREDENTIALS_ENDED or PERMISSION_DENIED; may be called more than once. */
  end: (error: ArmadaError) => void;
}

export interface HeldRight {
  /** It takes this verb on the queue too; said once. */
  onQueue(queue: string, verb: QueueVerb): void;
  /** The stream has ended. */
  release(): void;
}

export interface RightsWatch {
  watch(stream: WatchedStream): HeldRight;
  /** Told of what the log says. */
  apply(control: Control): void;
  /** Told that some of the log was missed: any queue may have changed. */
  missed(): void;
}

const SWEEP_MS = 1000;

/** Queues that are read at a time. */
const READS_AT_ONCE = 16;

interface Entry extends WatchedStream {
  onQueue: { queue: string; verb: QueueVerb } | undefined;
}

type QueueStore = QueueAccessDeps['store'];

/** It runs by itself while any stream is open; whoever uses a clock is the schemes. */
export function createRightsWatch(store: QueueStore, logger: Logger): RightsWatch {
  const entries = new Set<Entry>();
  const byQueue = new Map<string, Set<Entry>>();
  /** Queues of open streams that have changed since they were last judged by. */
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let isJudging = false;

  const judgeChanged = async (): Promise<void> => {
    if (isJudging) return;
    isJudging = true;
    try {
      const queues = [...changed];
      while (queues.length > 0) {
        const part = queues.splice(0, READS_AT_ONCE);
        for (const queue of part) changed.delete(queue);
        await Promise.all(part.map((queue) => judge(queue)));
      }
    } finally {
      isJudging = false;
    }
  };
  const judge = async (queue: string): Promise<void> => {
    try {
      await judgeByQueue(store, queue, byQueue.get(queue) ?? new Set());
    } catch (error) {
      // The store is away: the next sweep tries again.
      changed.add(queue);
      logger.debug({ err: error, queue }, 'open streams could not be judged by their queue');
    }
  };
  const sweep = (): void => {
    for (const entry of entries) judgeEntry(entry);
    if (changed.size > 0) void judgeChanged();
  };

  return {
    watch(stream) {
      const entry: Entry = { ...stream, onQueue: undefined };
      entries.add(entry);
      timer ??= setInterval(sweep, SWEEP_MS).unref();
      return {
        onQueue(queue, verb) {
          entry.onQueue = { queue, verb };
          const others = byQueue.get(queue);
          if (others) others.add(entry);
          else byQueue.set(queue, new Set([entry]));
          // It may have changed since the caller was let in by it.
          changed.add(queue);
        },
        release() {
          entries.delete(entry);
          if (entry.onQueue) leaveQueue(byQueue, entry.onQueue.queue, entry);
          if (entries.size > 0) return;
          clearInterval(timer);
          timer = undefined;
          changed.clear();
        },
      };
    },
    apply({ kind, name }) {
      if (kind === Control_Kind.KIND_QUEUE && byQueue.has(name)) changed.add(name);
    },
    missed() {
      for (const queue of byQueue.keys()) changed.add(queue);
    },
  };
}

function leaveQueue(byQueue: Map<string, Set<Entry>>, queue: string, entry: Entry): void {
  const others = byQueue.get(queue);
  others?.delete(entry);
  if (others?.size === 0) byQueue.delete(queue);
}

function judgeEntry({ principal, chain, authorizer, permission, end }: Entry): void {
  const unknown = chain.recheck(principal);
  // Not as those are refused who were never let in: clients try new credentials.
  if (unknown) end(new ArmadaError('CREDENTIALS_ENDED', unknown.message));
  else if (permission) endIfRefused(end, () => authorizer.demand(principal, permission));
}

/**
 * The queue is read: the log's word may be of before the caller was let in. When
 * it was deleted its streams are left to end by themselves, after the last event.
 */
async function judgeByQueue(store: QueueStore, name: string, entries: ReadonlySet<Entry>): Promise<void> {
  if (entries.size === 0) return;
  const found = await store.read.queue(name);
  if (!found) return;
  for (const { principal, authorizer, onQueue, end } of entries) {
    if (onQueue) endIfRefused(end, () => authorizer.demandOnQueue(principal, found.queue, onQueue.verb));
  }
}

function endIfRefused(end: WatchedStream['end'], demand: () => void): void {
  try {
    demand();
  } catch (error) {
    if (!(error instanceof ArmadaError)) throw error;
    end(error);
  }
}
