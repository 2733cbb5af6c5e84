import type { IncomingMessage } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import type { Visit } from './visit.ts';

/** A message has this much before it where there may be several. */
const ENVELOPE_BYTES = 5;

/**
 * The body of a request, which is read when it is first asked for: here nobody
 * sends more than one message, so it is one piece.
 */
export async function* bodyOf(
  request: IncomingMessage,
  visit: Pick<Visit, 'takes'>,
  maxRequestBytes: number,
): AsyncGenerator<Uint8Array> {
  const bytes = await collect(request, visit, maxRequestBytes + ENVELOPE_BYTES);
  if (bytes.length > 0) yield bytes;
}

function collect(
  request: IncomingMessage,
  { takes }: Pick<Visit, 'takes'>,
  maxBytes: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (): void => {
      request.off('data', take).off('end', end).off('close', gone).off('error', gone);
    };
    const fail = (error: ConnectError): void => {
      settle();
      // What still comes is thrown away, but an error without a listener would end the process.
      request.on('error', () => {});
      request.resume();
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) fail(refusal('the request is too large; send less at a time'));
      else if (!takes(chunk.length)) fail(refusal('too much arrives at once; send it again later'));
      else chunks.push(chunk);
    };
    const end = (): void => {
      settle();
      const [only] = chunks;
      resolve(only && chunks.length === 1 ? only : Buffer.concat(chunks, size));
    };
    const gone = (): void => fail(new ConnectError('the client has gone', Code.Canceled));
    request.on('data', take).on('end', end).on('close', gone).on('error', gone);
  });
}

function refusal(text: string): ConnectError {
  return new ConnectError(text, Code.ResourceExhausted);
}
