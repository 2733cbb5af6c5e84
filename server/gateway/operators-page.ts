/** Text for operators alone: whoever asks for it passes the door as a call does, so it is counted and recorded too. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import { answerHeaders, callUnary, type Door } from '../door/call.ts';
import { unary } from '../door/method.ts';
import { callOf } from './rest/exchange.ts';
import { type Refusal, refusalFor } from './rest/refusal.ts';

export interface PageExchange {
  request: FastifyRequest;
  reply: FastifyReply;
}

/** Makes the text for whoever may operate; what others are to be told instead. Sets the headers that go with either. */
export async function textForOperators(
  door: Door,
  { request, reply }: PageExchange,
  make: () => Promise<string> | string,
): Promise<string | Refusal> {
  // As the page is called here: requests may write it in any number of ways.
  const { url: path = '' } = request.routeOptions;
  const call = callOf(door, { request: request.raw, response: reply.raw }, path);
  try {
    return String(await callUnary(door, unary('operate', make), call, undefined));
  } catch (error) {
    return refusalFor(door, error, call);
  } finally {
    reply.headers({ ...answerHeaders(door, call) });
  }
}
