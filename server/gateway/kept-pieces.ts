/**
 * What was made of pieces of bytes that go to many: the same piece is sent to all
 * who watch the same, so what is made of it is kept for a while, by its identity.
 */
export function createKeptPieces(maxKeptBytes: number) {
  const kept = new Map<Uint8Array, Buffer>();
  let keptBytes = 0;
  return (piece: Uint8Array, make: (piece: Uint8Array) => Buffer): Buffer => {
    const known = kept.get(piece);
    if (known !== undefined) return known;
    const made = make(piece);
    kept.set(piece, made);
    keptBytes += made.length;
    for (const [oldest, dropped] of kept) {
      if (keptBytes <= maxKeptBytes) break;
      keptBytes -= dropped.length;
      kept.delete(oldest);
    }
    return made;
  };
}
