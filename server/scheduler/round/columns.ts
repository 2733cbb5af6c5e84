/** Growing typed arrays: a copy of twice the size once an index lies beyond the end. */

export function growFloats(column: Float64Array, length: number): Float64Array {
  if (length <= column.length) return column;
  const grown = new Float64Array(Math.max(length, column.length * 2, 16));
  grown.set(column);
  return grown;
}

export function growInts(column: Int32Array, length: number): Int32Array {
  if (length <= column.length) return column;
  const grown = new Int32Array(Math.max(length, column.length * 2, 16));
  grown.set(column);
  return grown;
}

export function growBytes(column: Uint8Array, length: number): Uint8Array {
  if (length <= column.length) return column;
  const grown = new Uint8Array(Math.max(length, column.length * 2, 16));
  grown.set(column);
  return grown;
}
