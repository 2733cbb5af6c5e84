import { type ExecutorStream, Hold } from '@armada-ts/api/armada/server/v1/peers';
import { setTimeout as sleep } from 'node:timers/promises';
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
   * @param end called with the same when it turns out later
   */
  hold(stream: ExecutorStream, end: (error: ArmadaError) => void): Promise<() => void>;

  /** Another server has such a stream: whether it may keep it, and if so, an older one of the same process here is ended. */
  giveWay(stream: ExecutorStream): Hold;
}

/** The other servers, as far as this goes. */
export interface OtherServers {
  /** Does not fail: a server that does not answer soon is left out. */
  askWhoHolds(stream: ExecutorStream): Promise<HoldAnswer>;
  /** Calls back when a server has come, or is back. */
  subscribe(listener: () => void): unknown;
}

export interface HoldAnswer {
  hold: Hold;
  /** None was left out. */
  isWhole: boolean;
}

interface Holder {
  stream: ExecutorStream;
  end: (error: ArmadaError) => void;
}

/** When servers are asked again that were left out. */
const ASK_AGAIN_MS = 1_000;

export function createHolders(others: OtherServers): Holders {
  const open = new Map<string, Holder>();
  const isOpen = (holder: Holder): boolean => open.get(holder.stream.executorId) === holder;
  const letGo = (holder: Holder): void => {
    if (isOpen(holder)) open.delete(holder.stream.executorId);
  };
  const endWith = (holder: Holder, error: ArmadaError): void => {
    letGo(holder);
    holder.end(error);
  };
  /** Whether all have answered. */
  const askAgain = async (holder: Holder): Promise<boolean> => {
    const { hold, isWhole } = await others.askWhoHolds(holder.stream);
    const error = refusal(holder.stream, hold);
    if (error && isOpen(holder)) endWith(holder, error);
    return isWhole;
  };
  const askUntilAnswered = async (holder: Holder): Promise<void> => {
    for (;;) {
      await sleep(ASK_AGAIN_MS, undefined, { ref: false });
      if (!isOpen(holder) || (await askAgain(holder))) return;
    }
  };
  // A server that stood still, or could not be reached, may have let somebody in meanwhile.
  others.subscribe(() => {
    for (const holder of open.values()) void askAgain(holder);
  });
  return {
    async hold(stream, end) {
      const { executorId } = stream;
      if (stream.session === '') return () => {};
      const before = open.get(executorId);
      const refused = refusal(stream, judge(before, stream));
      if (refused) throw refused;
      const holder = { stream, end };
      // Whoever asks from now on is told of this one.
      open.set(executorId, holder);
      before?.end(outdated());
      const { hold, isWhole } = await others.askWhoHolds(stream);
      const refusedElsewhere = refusal(stream, hold);
      if (refusedElsewhere) {
        letGo(holder);
        throw refusedElsewhere;
      }
      if (!isWhole) void askUntilAnswered(holder);
      return () => letGo(holder);
    },
    giveWay(stream) {
      const holder = open.get(stream.executorId);
      const answer = judge(holder, stream);
      if (holder && answer === Hold.HOLD_FREE) endWith(holder, outdated());
      return answer;
    },
  };
}

function judge(holder: Holder | undefined, { session, number }: ExecutorStream): Hold {
  if (!holder) return Hold.HOLD_FREE;
  if (holder.stream.session !== session) return Hold.HOLD_TAKEN;
  return holder.stream.number > number ? Hold.HOLD_OUTDATED : Hold.HOLD_FREE;
}

function outdated(): ArmadaError {
  return new ArmadaError('UNAVAILABLE', 'a newer stream of the same executor has taken over');
}

function refusal({ executorId }: ExecutorStream, hold: Hold): ArmadaError | undefined {
  if (hold === Hold.HOLD_OUTDATED) return outdated();
  if (hold !== Hold.HOLD_TAKEN) return undefined;
  const message = `executor id "${executorId}" is held by another running executor; stop it or choose another id`;
  return new ArmadaError('EXECUTOR_TAKEN', message);
}
