/**
 * Has the gRPC library unpack messages in our way. Its own unpacks all that have
 * arrived at the same time, see door/unpack.ts, and cannot be told otherwise.
 */
import { status } from '@grpc/grpc-js';
import { BaseServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
import { isTooMuch, type Packing, unpack } from '../door/unpack.ts';

/** Flag and length before each message. */
const PREFIX_BYTES = 5;

/** The part of a call that the library does not show. */
interface Inside {
  maxReceiveMessageSize: number;
  readonly decoder: { maxReadMessageLength: number };
  readonly incomingEncoding: string;
  decompressMessage(this: Inside, message: Buffer, encoding: string): Buffer | Promise<Buffer>;
}

const PACKINGS: ReadonlyMap<string, Packing> = new Map([
  ['gzip', 'gzip'],
  ['deflate', 'deflate'],
]);

/** For all servers of this process; may be called again. */
export function unpackInTurn(): void {
  const call = BaseServerInterceptingCall.prototype as unknown as Partial<Inside>;
  if (!call.decompressMessage) throw new TypeError('the gRPC library is another one inside');
  call.decompressMessage = function (message, encoding) {
    const bytes = message.subarray(PREFIX_BYTES);
    if (encoding === 'identity') return bytes;
    const packing = PACKINGS.get(encoding);
    if (!packing) return Promise.reject(unknownPacking(encoding));
    const maxBytes = this.maxReceiveMessageSize;
    return unpack(packing, bytes, maxBytes).catch((error: unknown) =>
      Promise.reject(isTooMuch(error) ? tooLarge(maxBytes) : notPacked(encoding)),
    );
  };
}

/** Whether the messages of a call are packed. */
export function isPacked(call: object): boolean {
  return (call as Partial<Inside>).incomingEncoding !== 'identity';
}

/** Has a call take no larger messages, as they come and unpacked. Before the first is read. */
export function limitMessages(call: object, limitOf: (maxBytes: number) => number): void {
  const inside = call as Inside;
  inside.maxReceiveMessageSize = limitOf(inside.maxReceiveMessageSize);
  inside.decoder.maxReadMessageLength = limitOf(inside.decoder.maxReadMessageLength);
}

interface Refusal {
  code: status;
  details: string;
}

function unknownPacking(encoding: string): Refusal {
  const details = `grpc-encoding must be one of ${[...PACKINGS.keys()].join(', ')}, identity; got ${JSON.stringify(encoding.slice(0, 60))}`;
  return { code: status.UNIMPLEMENTED, details };
}

function tooLarge(maxBytes: number): Refusal {
  const details = `the request is larger than ${maxBytes} bytes when unpacked; send less at a time`;
  return { code: status.RESOURCE_EXHAUSTED, details };
}

function notPacked(encoding: string): Refusal {
  return { code: status.INTERNAL, details: `the request is not what its grpc-encoding says: ${encoding}` };
}
