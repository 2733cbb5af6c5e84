/**
 * Reading the texts of a message. Most are names that come again and again: of
 * queues, pools, nodes, resources. Those are remembered, which is faster than
 * making them anew and leaves less to collect; ids, which are longer, are made by
 * the runtime in one go.
 */
import { BinaryReader } from '@bufbuild/protobuf/wire';

/** For the `decode` of a generated message type, in place of the bytes. */
export function readerOf(message: Uint8Array): BinaryReader {
  const bytes = Buffer.isBuffer(message)
    ? message
    : Buffer.from(message.buffer, message.byteOffset, message.byteLength);
  const reader = new BinaryReader(bytes);
  reader.string = () => {
    const length = reader.uint32();
    const start = reader.pos;
    const end = start + length;
    if (end > reader.len) throw new RangeError('premature EOF');
    reader.pos = end;
    return length <= MAX_NAME_BYTES ? nameAt(bytes, start, end) : bytes.toString('utf8', start, end);
  };
  return reader;
}

/** Ids of jobs and runs are longer. */
const MAX_NAME_BYTES = 24;

/** As many as a power of two; a name takes the place of another that falls on it. */
const names: string[] = Array.from({ length: 4096 }, () => '');

function nameAt(bytes: Buffer, start: number, end: number): string {
  let hash = end - start;
  for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + (bytes[at] ?? 0)) | 0;
  const place = (hash ^ (hash >>> 12)) & (names.length - 1);
  const name = names[place] ?? '';
  if (isAt(name, bytes, start, end)) return name;
  const text = bytes.toString('utf8', start, end);
  names[place] = text;
  return text;
}

/** Whether the text stands there, in ASCII. */
function isAt(text: string, bytes: Buffer, start: number, end: number): boolean {
  if (text.length !== end - start) return false;
  for (let at = start; at < end; at++) {
    const code = bytes[at] ?? 0;
    if (code > 0x7f || code !== text.charCodeAt(at - start)) return false;
  }
  return true;
}
