import { type ExecutorStream, Hold } from '@armada-ts/api/armada/server/v1/peers';
import type { Channels, Peer } from './channels.ts';
import { firstAnswer } from './first-answer.ts';

/** An executor that comes to a server must not wait long because of another that is away. */
const ANSWER_MS = 500;

/**
 * What the other servers say of a stream that was opened here: the first that
 * has something against it, or HOLD_FREE. One that does not answer in time is
 * left out: it is gone, or soon will be, and its streams with it.
 */
export async function askWhoHolds(channels: Channels, stream: ExecutorStream): Promise<Hold> {
  const answers = channels.all().map((peer) => ask(peer, stream));
  return (await firstAnswer(answers, ANSWER_MS)) ?? Hold.HOLD_FREE;
}

/** Undefined when nothing is known that speaks against it. */
function ask(peer: Peer, stream: ExecutorStream): Promise<Hold | undefined> {
  return new Promise((resolve) => {
    peer.client.hold({ stream }, peer.metadata(), peer.deadline(ANSWER_MS), (error, answer) => {
      if (error) peer.failed(error);
      resolve(error || answer.hold === Hold.HOLD_FREE ? undefined : answer.hold);
    });
  });
}
