import type { Framed } from '../base/framing.ts';

/** The events from `skip` on, in pieces of about `maxBytes` at most: a reader who is slow holds the one that is being sent. */
export function* piecesOf({ bytes, starts }: Framed, skip: number, maxBytes: number): Generator<Buffer> {
  let from = starts[skip];
  if (from === undefined) return;
  for (let i = skip + 1; i < starts.length; i++) {
    const end = starts[i + 1] ?? bytes.length;
    if (end - from <= maxBytes) continue;
    yield bytes.subarray(from, starts[i]);
    from = starts[i] ?? bytes.length;
  }
  yield bytes.subarray(from);
}
