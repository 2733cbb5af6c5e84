/** The body of a request, bounded in size and time, also after it is unpacked. */
import type { IncomingMessage } from 'node:http';
import { status } from '@grpc/grpc-js';
import { ArmadaError } from '../../base/errors.ts';
import type { Admitted } from '../../door/admission.ts';
import type { Arriving } from '../../door/intake.ts';
import { isTooMuch, type Packing, unpack } from '../../door/unpack.ts';
import { type BodyFault, collectBody } from '../collect.ts';
import { HttpRefusal } from './status.ts';

/** By the names that Content-Encoding gives them. */
const PACKINGS: ReadonlyMap<string, Packing> = new Map([
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['br', 'br'],
]);

export interface BodyLimits {
  maxBytes: number;
  /** How long it may take to arrive. */
  timeoutMs: number;
}

/** Who is told how it goes. */
export interface Reception {
  admitted: Pick<Admitted, 'stalled'>;
  arriving: Arriving;
}

/** From then on its client is the slow one. */
const STALL_MS = 2_000;

/** When to send one again that there was no room for. */
const RETRY_MS = 500;

/** The body went away with its client: there is nobody to answer. */
export class ClientGone extends Error {}

/**
 * Reads a body whole. Throws or rejects with HttpRefusal when it is too large, too
 * slow, or packed in a way that is not known, ArmadaError when there is no room for
 * it or it cannot be unpacked, and ClientGone.
 */
export function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  reception: Reception,
): Promise<Buffer> {
  const { maxBytes } = limits;
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  const packing = PACKINGS.get(encoding);
  if (packing === undefined && encoding !== 'identity') throw unknownEncoding(encoding);
  const bytes = collect(request, limits, reception);
  return packing === undefined ? bytes : unpacked(bytes, packing, maxBytes);
}

async function unpacked(collecting: Promise<Buffer>, packing: Packing, maxBytes: number): Promise<Buffer> {
  const bytes = await collecting;
  if (bytes.length === 0) return bytes;
  try {
    return await unpack(packing, bytes, maxBytes);
  } catch (error) {
    if (isTooMuch(error)) throw tooLarge(maxBytes);
    throw new ArmadaError('INVALID_REQUEST', `the body is not what its Content-Encoding says: ${packing}`);
  }
}

/** Gives up a body that does not come. */
function collect(
  request: IncomingMessage,
  { maxBytes, timeoutMs }: BodyLimits,
  { admitted, arriving }: Reception,
): Promise<Buffer> {
  const stallMs = Math.min(STALL_MS, timeoutMs / 2);
  let timer = setTimeout(() => {
    admitted.stalled();
    timer = setTimeout(() => giveUp(tooSlow(timeoutMs)), timeoutMs - stallMs);
  }, stallMs);
  const { bytes, giveUp } = collectBody(request, {
    maxBytes,
    takes: (more) => arriving.add(more),
    errorOf: (fault) => errorOf(fault, maxBytes),
    settled() {
      clearTimeout(timer);
      arriving.over();
    },
  });
  return bytes;
}

function errorOf(fault: BodyFault, maxBytes: number): Error {
  switch (fault) {
    case 'too large':
      return tooLarge(maxBytes);
    case 'no room':
      return tooMuchAtOnce();
    case 'gone':
      return new ClientGone();
  }
}

function tooLarge(maxBytes: number): HttpRefusal {
  const message = `the request is larger than ${maxBytes} bytes; send less at a time`;
  return new HttpRefusal(413, status.RESOURCE_EXHAUSTED, message);
}

function tooMuchAtOnce(): ArmadaError {
  const message =
    'more requests arrive on this connection at once than there is room for; send fewer at a time';
  return new ArmadaError('OVERLOADED', message, { retryAfterMs: RETRY_MS });
}

function tooSlow(timeoutMs: number): HttpRefusal {
  const message = `the request was not there whole after ${timeoutMs / 1000} s; send it again, or a smaller one`;
  return new HttpRefusal(408, status.UNAVAILABLE, message);
}

function unknownEncoding(encoding: string): HttpRefusal {
  const known = [...PACKINGS.keys()].join(', ');
  const message = `Content-Encoding must be one of ${known}, identity; got ${JSON.stringify(encoding.slice(0, 60))}`;
  return new HttpRefusal(415, status.INVALID_ARGUMENT, message);
}
