/** Answers that are one JSON text. */
import type { JsonValue } from '@armada-ts/api/json';
import { answerHeaders, type Door, type Incoming } from '../../door/call.ts';
import { type Encoding, encodingOf, packed } from './encoding.ts';
import { cutOffUntaken, type Exchange, isGone } from './exchange.ts';

/** Text in it is not escaped for HTML, so no browser may take it for that; and it is for the caller alone, so nothing on the way keeps it. */
export const JSON_HEADERS = {
  'content-type': 'application/json',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
};

/** So much a connection takes whether or not its client does. */
const MAX_BUFFERED_BYTES = 16 * 1024;

/** Sends the answer of a method that has one. Gives a promise when that takes a while. */
export function sendJson(
  door: Door,
  exchange: Exchange,
  incoming: Incoming,
  json: JsonValue,
): Promise<void> | undefined {
  const text = JSON.stringify(json);
  const encoding = encodingOf(exchange.request, ['br', 'gzip']);
  const packing = encoding && packed(text, encoding);
  if (packing) return packing.then((small) => send(door, exchange, incoming, { bytes: small, encoding }));
  send(door, exchange, incoming, { bytes: text });
  return undefined;
}

function send(
  door: Door,
  exchange: Exchange,
  incoming: Incoming,
  { bytes, encoding }: { bytes: string | Buffer; encoding?: Encoding },
): void {
  if (isGone(exchange)) return;
  const { response } = exchange;
  const headers = { ...answerHeaders(door, incoming), ...JSON_HEADERS };
  const length = Buffer.byteLength(bytes);
  if (encoding) response.appendHeader('vary', 'Accept-Encoding');
  response.writeHead(200, {
    ...headers,
    ...(encoding && { 'content-encoding': encoding }),
    'content-length': length,
  });
  if (length > MAX_BUFFERED_BYTES) cutOffUntaken(door, exchange);
  response.end(bytes);
}
