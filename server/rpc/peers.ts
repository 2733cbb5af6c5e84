import {
  type HoldRequest,
  PeerServiceService,
  type ReadLogRequest,
  type SeeRequest,
  type SeeResponse,
} from '@armada-ts/api/armada/server/v1/peers';
import type { UntypedServiceImplementation } from '@grpc/grpc-js';
import { invalidField } from '../base/errors.ts';
import type { Holders } from '../lease/holders.ts';
import { answerLog, type OwnLinks } from '../peers/logs.ts';
import type { Taking } from '../peers/taking.ts';
import { bidiStream, type Door, serverStream, unary } from './call.ts';

export const peerDefinition = PeerServiceService;

export interface PeerDeps {
  taking: Taking;
  links: OwnLinks;
  holders: Holders;
}

/** armada.server.v1.PeerService: what servers ask of each other. */
export function peerService(door: Door, { taking, links, holders }: PeerDeps): UntypedServiceImplementation {
  return {
    see: bidiStream<SeeRequest, SeeResponse>(door, 'peer', (requests, send, { principal }) =>
      taking.serve(principal.name, requests, send),
    ),
    readLog: serverStream(door, 'peer', (request: ReadLogRequest, { signal }) =>
      answerLog(links, request, signal),
    ),
    hold: unary(door, 'peer', ({ stream }: HoldRequest) => {
      if (!stream) throw invalidField('stream', 'must be set');
      return { hold: holders.giveWay(stream) };
    }),
  };
}
