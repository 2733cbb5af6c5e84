/** How many servers of a store have which signing key: each tells of its own when another asks. */
import type { ReadKeyringResponse } from '@armada-ts/api/armada/server/v1/peers';
import type { Channels, Peer } from './channels.ts';

export interface KeyHolders {
  /** Servers that are alive. */
  servers: number;
  /** Names of those of them that did not answer. */
  unreached: string[];
  /** How many have the key of this id. */
  holdersOf: (id: string) => number;
}

/** A server that takes longer is as good as away. */
const ANSWER_MS = 2_000;

/** Asks all living servers at once. @param own ids of the keys that this one has */
export async function findKeyHolders(
  { channels }: { channels: Channels },
  own: readonly string[],
): Promise<KeyHolders> {
  const peers = channels.all();
  const answers = await Promise.all(peers.map(ask));
  const held = [own, ...answers.map((answer) => answer?.keyIds ?? [])];
  return {
    servers: held.length,
    unreached: peers.filter((_, i) => !answers[i]).map(({ member }) => member.name),
    holdersOf: (id) => held.filter((ids) => ids.includes(id)).length,
  };
}

/** Undefined when it does not answer. */
function ask(peer: Peer): Promise<ReadKeyringResponse | undefined> {
  return new Promise((resolve) => {
    peer.client.readKeyring({}, peer.metadata(), peer.deadline(ANSWER_MS), (error, answer) => {
      if (error) peer.failed(error);
      resolve(error ? undefined : answer);
    });
  });
}
