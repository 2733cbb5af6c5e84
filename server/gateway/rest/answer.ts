/** Answers that are one JSON text. */
import type { JsonValue } from '@armada-ts/api/json';
import { answerHeaders, type Door, type Incoming } from '../../door/call.ts';
import { encodingOf, packed } from './encoding.ts';
import { cutOffUntaken, type Exchange, isGone } from './exchange.ts';

/** Text in it is not escaped for HTML, so no browser may take it for that. */
export const JSON_HEADERS = { 'content-type': 'application/json', 'x-content-type-options': 'nosniff' };

/** So much a connection takes whether or not its client does. */
const MAX_BUFFERED_BYTES = 16 * 1024;

/** Sends the answer of a method that has one. */
export async function sendJson(
  door: Door,
  exchange: Exchange,
  incoming: Incoming,
  json: JsonValue,
): Promise<void> {
  const { request, response } = exchange;
  const text = JSON.stringify(json);
  const encoding = encodingOf(request, ['br', 'gzip']);
  const small = encoding && (await packed(Buffer.from(text), encoding));
  if (isGone(exchange)) return;
  const headers = { ...answerHeaders(door, incoming), ...JSON_HEADERS };
  if (small) {
    response.appendHeader('vary', 'Accept-Encoding');
    response.writeHead(200, { ...headers, 'content-encoding': encoding, 'content-length': small.length });
  } else {
    response.writeHead(200, { ...headers, 'content-length': Buffer.byteLength(text) });
  }
  if (text.length > MAX_BUFFERED_BYTES) cutOffUntaken(door, exchange);
  response.end(small ?? text);
}
