/**
 * Text for operators alone: whoever asks for it passes admission and the door as a
 * call does, so it is bounded, counted and recorded too.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { type Admission, overloaded, type Rank } from '../door/admission.ts';
import { answerHeaders, callUnary, type Door } from '../door/call.ts';
import { unary } from '../door/method.ts';
import { peerOf } from './incoming.ts';
import { callOf } from './rest/exchange.ts';
import { type Refusal, refusalFor } from './rest/refusal.ts';

export interface PageExchange {
  request: FastifyRequest;
  reply: FastifyReply;
}

/** By what operators come in, and as what they are taken when there is much to do. */
export interface OperatorsEntrance {
  door: Door;
  admission: Admission;
  rank: Rank;
}

/** Makes the text for whoever may operate; what others are to be told instead. Sets the headers that go with either. */
export async function textForOperators(
  { door, admission, rank }: OperatorsEntrance,
  { request, reply }: PageExchange,
  make: () => Promise<string> | string,
): Promise<string | Refusal> {
  // As the page is called here: requests may write it in any number of ways.
  const { url: path = '' } = request.routeOptions;
  const call = callOf(door, { request: request.raw, response: reply.raw }, path);
  const admitted = admission.enter({ rank, isStream: false, connection: peerOf(request.raw) });
  if ('retryAfterMs' in admitted) return refusalFor(door, overloaded(admitted), call);
  try {
    return String(await callUnary(door, unary('operate', make), call, undefined));
  } catch (error) {
    return refusalFor(door, error, call);
  } finally {
    admitted.over();
    reply.headers({ ...answerHeaders(door, call) });
  }
}
