/**
 * Streams of events come in pieces of many messages, framed as gRPC does, and the
 * same pieces go to all who watch the same. Each protocol here frames messages in
 * that way too. So a piece is sent as it is, or in JSON that is made once for all,
 * and the library is given an empty message to stand for it: what it makes of
 * that is replaced on its way out.
 */
import { create, type DescMessage, fromBinary, type Message, toJsonString } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { frame, messagesOf } from '../../base/framing.ts';
import { createKeptPieces } from '../kept-pieces.ts';

/** JSON kept of pieces, of all streams together. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

const kept = createKeptPieces(MAX_KEPT_BYTES);

/** What was put here goes out in the place of the stand-ins, one for each. */
export type Pieces = Buffer[];

/**
 * Puts a piece aside and returns what stands for it.
 * @param output as which the library sends the messages; one without fields for bytes as they are
 */
export function standIn(piece: Buffer, output: DescMessage, aside: Pieces): Message {
  aside.push(output === EmptySchema ? piece : kept(piece, (bytes) => inJson(bytes, output)));
  return create(output);
}

function inJson(piece: Uint8Array, output: DescMessage): Buffer {
  const texts = Array.from(messagesOf(piece), (bytes) =>
    Buffer.from(toJsonString(output, fromBinary(output, bytes))),
  );
  return frame(texts).bytes;
}
