// Reads event streams over plain HTTP/2: gRPC messages are found by their
// five-byte prefix and not decoded, so that a thousand watchers in one process
// take little of the cores they share with the server.
import { JobSetRequest, EventService, EventStreamMessage } from '@armada-ts/api/api/event';
import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';

const PREFIX_BYTES = 5;

/** Told of each message of a stream. */
export type OnMessage = (message: Buffer) => void;

/** Follows a job set from its beginning. The bytes of the stream go to `take`. */
export function followJobSet(
  session: ClientHttp2Session,
  jobSet: { queue: string; id: string },
  take: (chunk: Buffer) => void,
): ClientHttp2Stream {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: 'POST',
    [constants.HTTP2_HEADER_PATH]: EventService.getJobSetEvents.path,
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    [constants.HTTP2_HEADER_TE]: 'trailers',
  });
  const request = JobSetRequest.encode(JobSetRequest.create({ ...jobSet, watch: true })).finish();
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(request.length, 1);
  stream.end(Buffer.concat([prefix, request]));
  stream.on('data', take);
  return stream;
}

/** Counts messages without looking into them. */
export class MessageCounter {
  count = 0;
  /** Bytes of the present message that are still to come. */
  #left = 0;
  /** What has come of a prefix that was cut. */
  #prefix: Buffer = Buffer.alloc(0);

  take(chunk: Buffer): void {
    let at = 0;
    let bytes = chunk;
    if (this.#prefix.length > 0) {
      bytes = Buffer.concat([this.#prefix, chunk]);
      this.#prefix = Buffer.alloc(0);
    }
    for (;;) {
      if (this.#left > bytes.length - at) {
        this.#left -= bytes.length - at;
        return;
      }
      at += this.#left;
      this.#left = 0;
      if (bytes.length - at < PREFIX_BYTES) break;
      this.#left = bytes.readUInt32BE(at + 1);
      at += PREFIX_BYTES;
      this.count++;
    }
    this.#prefix = bytes.subarray(at);
  }
}

/** Cuts a stream into its messages. */
export function messagesTo(onMessage: OnMessage): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk;
    let at = 0;
    while (bytes.length - at >= PREFIX_BYTES) {
      const end = at + PREFIX_BYTES + bytes.readUInt32BE(at + 1);
      if (end > bytes.length) break;
      onMessage(bytes.subarray(at + PREFIX_BYTES, end));
      at = end;
    }
    rest = bytes.subarray(at);
  };
}

/** The kinds of events by their field numbers in api.EventMessage. */
export const Kind = {
  submitted: 1,
  queued: 2,
  leased: 3,
  pending: 6,
  running: 7,
  failed: 9,
  succeeded: 10,
} as const;

/** The field number of the event that an encoded api.EventStreamMessage carries, without decoding the rest. */
export function kindOf(message: Buffer): number {
  const idLength = message[1] ?? 0;
  let at = 2 + idLength + 1;
  while ((message[at] ?? 0) >= 0x80) at++;
  at++;
  return (message[at] ?? 0) >> 3;
}

/** Throws unless the messages decode, stand in order, and leave none out. */
export function checkStream(messages: readonly Buffer[]): void {
  let number = 0;
  let index = -1;
  let isLast = true;
  for (const bytes of messages) {
    const { id, message } = EventStreamMessage.decode(bytes);
    if (message?.events === undefined) throw new Error(`event ${id} says nothing`);
    const [, n = Number.NaN, i = Number.NaN, last] = id.split(':').map(Number);
    // Sequences without public events leave their numbers out.
    const follows = isLast ? n > number && i === 0 : n === number && i === index + 1;
    if (!follows) throw new Error(`event ${id} does not follow ${number}:${index}`);
    [number, index, isLast] = [n, i, last === 1];
  }
}
