/** The body of a request, bounded in size and time, also after it is unpacked. */
import type { IncomingMessage } from 'node:http';
import { status } from '@grpc/grpc-js';
import { ArmadaError } from '../../base/errors.ts';
import type { Admitted } from '../../door/admission.ts';
import type { Arriving } from '../../door/intake.ts';
import { isTooMuch, type Packing, unpack } from '../../door/unpack.ts';
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

const NO_BYTES = Buffer.alloc(0);

/** The body went away with its client: there is nobody to answer. */
export class ClientGone extends Error {}

/**
 * Reads a body whole. Rejects with HttpRefusal when it is too large, too slow,
 * or packed in a way that is not known, ArmadaError when it cannot be unpacked,
 * and ClientGone.
 */
export async function readBody(
  request: IncomingMessage,
  limits: BodyLimits,
  reception: Reception,
): Promise<Buffer> {
  const { maxBytes } = limits;
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  const packing = PACKINGS.get(encoding);
  if (packing === undefined && encoding !== 'identity') throw unknownEncoding(encoding);
  const bytes = await collect(request, limits, reception).finally(() => reception.arriving.over());
  if (packing === undefined || bytes.length === 0) return bytes;
  try {
    return await unpack(packing, bytes, maxBytes);
  } catch (error) {
    if (isTooMuch(error)) throw tooLarge(maxBytes);
    throw new ArmadaError('INVALID_REQUEST', `the body is not what its Content-Encoding says: ${encoding}`);
  }
}

function collect(
  request: IncomingMessage,
  { maxBytes, timeoutMs }: BodyLimits,
  { admitted, arriving }: Reception,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const stallMs = Math.min(STALL_MS, timeoutMs / 2);
    let timer = setTimeout(() => {
      admitted.stalled();
      timer = setTimeout(() => fail(tooSlow(timeoutMs)), timeoutMs - stallMs);
    }, stallMs);
    const settle = (): void => {
      clearTimeout(timer);
      request.off('data', take).off('end', end).off('close', gone).off('error', gone);
    };
    const fail = (error: Error): void => {
      settle();
      // What still comes is thrown away, but an error without a listener would end the process.
      request.on('error', () => {});
      request.resume();
      reject(error);
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      if (size > maxBytes) fail(tooLarge(maxBytes));
      else if (!arriving.add(chunk.length)) fail(tooMuchAtOnce());
      else chunks.push(chunk);
    };
    const end = (): void => {
      settle();
      const [only = NO_BYTES] = chunks;
      resolve(chunks.length <= 1 ? only : Buffer.concat(chunks, size));
    };
    const gone = (): void => fail(new ClientGone());
    request.on('data', take).on('end', end).on('close', gone).on('error', gone);
  });
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
