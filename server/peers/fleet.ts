/** What the leader knows of executors and nodes, asked of whichever server leads. */
import type { ReadFleetRequest, ReadFleetResponse } from '@armada-ts/api/armada/server/v1/peers';
import { ArmadaError } from '../base/errors.ts';
import type { Channels, Peer } from './channels.ts';
import type { Members } from './members.ts';

export interface FleetDeps {
  members: Members;
  channels: Channels;
  /** Asks the scheduler of this server, if it leads. Throws UNAVAILABLE when it does not. */
  askScheduler: (question: ReadFleetRequest) => Promise<ReadFleetResponse>;
}

/** Enough for a scheduler in the middle of a long round. */
const ANSWER_MS = 5_000;

/** Throws UNAVAILABLE. */
export function readFleet(deps: FleetDeps, question: ReadFleetRequest): Promise<ReadFleetResponse> {
  const { members, channels, askScheduler } = deps;
  const leader = members.leader();
  if (leader?.id === members.self.id) return askScheduler(question);
  const peer = leader && channels.find(leader.id);
  if (!peer) throw unanswered('no server leads just now');
  return ask(peer, question);
}

function ask(peer: Peer, question: ReadFleetRequest): Promise<ReadFleetResponse> {
  return new Promise((resolve, reject) => {
    peer.client.readFleet(question, peer.metadata(), peer.deadline(ANSWER_MS), (error, answer) => {
      if (!error) return resolve(answer);
      peer.failed(error);
      reject(unanswered('the server that leads does not answer', error));
    });
  });
}

function unanswered(message: string, cause?: unknown): ArmadaError {
  return new ArmadaError('UNAVAILABLE', `${message}; try again`, { retryAfterMs: 1000, cause });
}
