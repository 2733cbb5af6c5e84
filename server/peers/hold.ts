import { type ExecutorStream, Hold } from '@armada-ts/api/armada/server/v1/peers';
import type { Channels, Peer } from './channels.ts';
import { firstAnswer } from './first-answer.ts';

/** An executor that comes to a server must not wait long because of another that is away. */
const ANSWER_MS = 500;

export interface HoldAnswer {
  hold: Hold;
  /** None was left out. */
  isWhole: boolean;
}

/**
 * What the other servers say of a stream that is open here: the first that has
 * something against it, or HOLD_FREE. One that does not answer in time is left
 * out: most likely it is gone, or soon will be, and its streams with it.
 */
export async function askWhoHolds(channels: Channels, stream: ExecutorStream): Promise<HoldAnswer> {
  const peers = channels.all();
  let missing = peers.length;
  const answers = peers.map(async (peer) => {
    const hold = await ask(peer, stream);
    if (hold !== undefined) missing--;
    return hold === Hold.HOLD_FREE ? undefined : hold;
  });
  const hold = (await firstAnswer(answers, ANSWER_MS)) ?? Hold.HOLD_FREE;
  return { hold, isWhole: missing === 0 };
}

/** Undefined when it does not answer. */
function ask(peer: Peer, stream: ExecutorStream): Promise<Hold | undefined> {
  return new Promise((resolve) => {
    peer.client.hold({ stream }, peer.metadata(), peer.deadline(ANSWER_MS), (error, answer) => {
      if (error) peer.failed(error);
      resolve(error ? undefined : answer.hold);
    });
  });
}
