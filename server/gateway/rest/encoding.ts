/** Packing of answers, for those who ask for it. */
import type { IncomingMessage } from 'node:http';
import {
  type BrotliCompress,
  brotliCompress,
  constants,
  createBrotliCompress,
  createGzip,
  type Gzip,
  gzip,
} from 'node:zlib';

export type Encoding = 'br' | 'gzip';

/** Less than this fits into one packet anyway. */
const MIN_PACKED_BYTES = 1024;

/** Quick rather than small: the answer is made once and sent once. */
const BROTLI_QUALITY = 4;
const GZIP_LEVEL = 4;

/** A stream holds its window for as long as it is open, and there may be thousands. */
const STREAM_WINDOW_BITS = 14;
const STREAM_MEMORY_LEVEL = 6;

/** What the caller takes, the one best liked that it takes. */
export function encodingOf({ headers }: IncomingMessage, liked: readonly Encoding[]): Encoding | undefined {
  const accepted = headers['accept-encoding'];
  if (accepted === undefined) return undefined;
  const weights = new Map<string, number>();
  for (const each of String(accepted).toLowerCase().split(',')) {
    const [name = '', weight] = each.split(/;\s*q=/).map((part) => part.trim());
    weights.set(name, weight === undefined ? 1 : Number(weight));
  }
  return liked.find((encoding) => (weights.get(encoding) ?? weights.get('*') ?? 0) > 0);
}

/** The text packed; undefined when that is not worth the while. */
export function packed(text: string, encoding: Encoding): Promise<Buffer> | undefined {
  if (text.length < MIN_PACKED_BYTES) return undefined;
  const bytes = Buffer.from(text);
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, result: Buffer): void => {
      if (error) reject(error);
      else resolve(result);
    };
    if (encoding === 'gzip') gzip(bytes, { level: GZIP_LEVEL }, done);
    else brotliCompress(bytes, { params: brotliParameters(bytes.length) }, done);
  });
}

/** Packs a stream; see flushPacked. */
export function createPacker(encoding: Encoding): Gzip | BrotliCompress {
  return encoding === 'gzip'
    ? createGzip({ level: GZIP_LEVEL, windowBits: STREAM_WINDOW_BITS, memLevel: STREAM_MEMORY_LEVEL })
    : createBrotliCompress({ params: brotliParameters(0) });
}

/** Lets go of all that was written to the packer, so that the reader has it now. */
export function flushPacked(packer: Gzip | BrotliCompress, encoding: Encoding, sent: () => void): void {
  packer.flush(encoding === 'gzip' ? constants.Z_SYNC_FLUSH : constants.BROTLI_OPERATION_FLUSH, sent);
}

function brotliParameters(sizeHint: number): Record<number, number> {
  return {
    [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
    [constants.BROTLI_PARAM_LGWIN]: STREAM_WINDOW_BITS,
    [constants.BROTLI_PARAM_SIZE_HINT]: sizeHint,
  };
}
