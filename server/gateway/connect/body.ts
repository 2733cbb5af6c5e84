import type { IncomingMessage } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import { type BodyFault, collectBody } from '../collect.ts';
import type { Visit } from './visit.ts';

/** A message has this much before it where there may be several. */
const ENVELOPE_BYTES = 5;

/**
 * The body of a request, which is read when it is first asked for: here nobody
 * sends more than one message, so it is one piece.
 */
export async function* bodyOf(
  request: IncomingMessage,
  visit: Pick<Visit, 'takes' | 'came' | 'knock'>,
  maxRequestBytes: number,
): AsyncGenerator<Uint8Array> {
  await visit.knock();
  const limits = { maxBytes: maxRequestBytes + ENVELOPE_BYTES, takes: visit.takes, errorOf };
  const bytes = await collectBody(request, limits).bytes;
  visit.came();
  if (bytes.length > 0) yield bytes;
}

function errorOf(fault: BodyFault): ConnectError {
  switch (fault) {
    case 'too large':
      return refusal('the request is too large; send less at a time');
    case 'no room':
      return refusal('too much arrives at once; send it again later');
    case 'gone':
      return new ConnectError('the client has gone', Code.Canceled);
  }
}

function refusal(text: string): ConnectError {
  return new ConnectError(text, Code.ResourceExhausted);
}
