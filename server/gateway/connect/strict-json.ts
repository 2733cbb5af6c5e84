/**
 * JSON that comes by Connect. The library reads it itself: it takes any depth, at
 * a price, and of a key that is there twice the last one. What REST refuses is
 * refused here too.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { JsonError } from '@armada-ts/api/json';
import { parseJson } from '@armada-ts/api/json/parse';
import { Code, ConnectError } from '@connectrpc/connect';

/** Flags and length before a message where there may be several. */
const ENVELOPE_BYTES = 5;
const IS_PACKED = 1;

/** Whether messages are JSON, of any of the library's protocols. */
export function isJson({ 'content-type': type }: IncomingHttpHeaders): boolean {
  return type?.includes('json') ?? false;
}

/** The same bytes. Throws ConnectError for a message that is not to be taken; one that is packed is looked at later. */
export async function* strictly(
  body: AsyncIterable<Uint8Array>,
  headers: IncomingHttpHeaders,
): AsyncGenerator<Uint8Array> {
  const isAlone = /^application\/json\b/.test(headers['content-type'] ?? '');
  for await (const bytes of body) {
    if (isAlone) {
      if ((headers['content-encoding'] ?? 'identity') === 'identity') refuseUnsound(bytes);
    } else if (((bytes[0] ?? 0) & IS_PACKED) === 0) refuseUnsound(bytes.subarray(ENVELOPE_BYTES));
    yield bytes;
  }
}

/** Throws ConnectError for JSON that is not to be taken. Nothing at all is the library's to judge. */
export function refuseUnsound(bytes: Uint8Array): void {
  if (bytes.length === 0) return;
  try {
    parseJson(bytes);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new ConnectError(error.message, Code.InvalidArgument);
  }
}
