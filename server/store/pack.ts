/**
 * Bytes that are kept: compressed with zstd where that pays, told apart by
 * their first byte.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

const PLAIN = 0;
const ZSTD = 1;

/** Below this, setting up zstd (about 16 µs) costs more than the bytes it saves. */
const MIN_COMPRESSED_BYTES = 1024;

/** Level 1: level 3 saves no more on records of a few hundred bytes. */
const ZSTD_OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 1 } };

/** Bytes as they are stored. @param minCompressedBytes below which they stay as they are; less where they are kept in memory */
export function pack(bytes: Uint8Array, minCompressedBytes: number = MIN_COMPRESSED_BYTES): Uint8Array {
  const small = bytes.length < minCompressedBytes;
  const body = small ? bytes : zstdCompressSync(bytes, ZSTD_OPTIONS);
  const packed = new Uint8Array(body.length + 1);
  packed[0] = small ? PLAIN : ZSTD;
  packed.set(body, 1);
  return packed;
}

/** The bytes given to pack. */
export function unpack(packed: Uint8Array): Uint8Array {
  const body = packed.subarray(1);
  return packed[0] === ZSTD ? zstdDecompressSync(body) : body;
}
