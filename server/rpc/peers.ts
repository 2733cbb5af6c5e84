import {
  type ChangeLogLevelRequest,
  type HoldRequest,
  PeerServiceService,
  type ReadFleetRequest,
  type ReadLogRequest,
  type SeeRequest,
  type SeeResponse,
} from '@armada-ts/api/armada/server/v1/peers';
import { invalidField } from '../base/errors.ts';
import type { LogLevels } from '../base/log-levels.ts';
import type { Holders } from '../lease/holders.ts';
import type { FleetDeps } from '../peers/fleet.ts';
import { changeLogLevel } from '../peers/log-level.ts';
import { answerLog, type OwnLinks } from '../peers/logs.ts';
import type { Taking } from '../peers/taking.ts';
import { bidiStream, type Methods, serverStream, unary } from '../door/method.ts';

export const peerDefinition = PeerServiceService;

export interface PeerDeps {
  taking: Taking;
  links: OwnLinks;
  holders: Holders;
  askScheduler: FleetDeps['askScheduler'];
  logLevels: LogLevels;
  /** Ids of the signing keys that this server has. */
  signingKeys: () => readonly string[];
}

/** armada.server.v1.PeerService: what servers ask of each other. */
export function peerService(deps: PeerDeps): Methods {
  const { taking, links, holders, askScheduler, logLevels, signingKeys } = deps;
  return {
    see: bidiStream<SeeRequest, SeeResponse>('peer', (requests, send, { principal }) =>
      taking.serve(principal.name, requests, send),
    ),
    readLog: serverStream('peer', (request: ReadLogRequest, { signal }) => answerLog(links, request, signal)),
    hold: unary('peer', ({ stream }: HoldRequest) => {
      if (!stream) throw invalidField('stream', 'must be set');
      return { hold: holders.giveWay(stream) };
    }),
    readFleet: unary('peer', (question: ReadFleetRequest) => askScheduler(question)),
    changeLogLevel: unary('peer', (request: ChangeLogLevelRequest) => changeLogLevel(logLevels, request)),
    readKeyring: unary('peer', () => ({ keyIds: signingKeys() })),
  };
}
