import { type ExecutorStream, Hold } from '@armada-ts/api/armada/server/v1/peers';
import { ArmadaError } from '../base/errors.ts';

/**
 * Who holds each executor id. Two processes that both took themselves for one
 * executor would each start what the other was told to start, so the second is
 * refused while the first has a stream open, at whichever server. Of two streams
 * of one process the newer counts: the older broke without a word, and what is
 * sent on it is lost.
 *
 * Go executors name no session; they open one short stream after another, and
 * for them neither applies.
 */
export interface Holders {
  /**
   * Takes the id for a stream, here first and then everywhere; resolves with the
   * way to let go. Two processes that ask at the same time may both be refused,
   * and never both be let in by servers that can reach each other. Throws
   * EXECUTOR_TAKEN, and UNAVAILABLE when a newer stream of the same process is
   * open.
   * @param replaced called when a newer stream of the same process holds the id
   */
  hold(stream: ExecutorStream, replaced: () => void): Promise<() => void>;

  /** Another server has such a stream: whether it may keep it, and if so, an older one of the same process here is ended. */
  giveWay(stream: ExecutorStream): Hold;
}

interface Holder {
  stream: ExecutorStream;
  replaced: () => void;
}

/** @param askOthers what the other servers say, HOLD_FREE when there are none */
export function createHolders(askOthers: (stream: ExecutorStream) => Promise<Hold>): Holders {
  const open = new Map<string, Holder>();
  const letGo = (holder: Holder): void => {
    const { executorId } = holder.stream;
    if (open.get(executorId) === holder) open.delete(executorId);
  };
  return {
    async hold(stream, replaced) {
      const { executorId } = stream;
      if (stream.session === '') return () => {};
      const before = open.get(executorId);
      check(stream, judge(before, stream));
      const holder = { stream, replaced };
      // Whoever asks from now on is told of this one.
      open.set(executorId, holder);
      before?.replaced();
      try {
        check(stream, await askOthers(stream));
      } catch (error) {
        letGo(holder);
        throw error;
      }
      return () => letGo(holder);
    },
    giveWay(stream) {
      const holder = open.get(stream.executorId);
      const answer = judge(holder, stream);
      if (holder && answer === Hold.HOLD_FREE) {
        letGo(holder);
        holder.replaced();
      }
      return answer;
    },
  };
}

function judge(holder: Holder | undefined, { session, number }: ExecutorStream): Hold {
  if (!holder) return Hold.HOLD_FREE;
  if (holder.stream.session !== session) return Hold.HOLD_TAKEN;
  return holder.stream.number > number ? Hold.HOLD_OUTDATED : Hold.HOLD_FREE;
}

/** What a stream is told that was replaced, or came too late. */
export function outdated(): ArmadaError {
  return new ArmadaError('UNAVAILABLE', 'a newer stream of the same executor has taken over');
}

function check({ executorId }: ExecutorStream, hold: Hold): void {
  if (hold === Hold.HOLD_OUTDATED) throw outdated();
  if (hold !== Hold.HOLD_TAKEN) return;
  const message = `executor id "${executorId}" is held by another running executor; stop it or choose another id`;
  throw new ArmadaError('EXECUTOR_TAKEN', message);
}
