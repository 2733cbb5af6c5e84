/**
 * Go writes the entries of a map in random order, other clients in that of the
 * caller's file. Here they are put into a fixed one, within the encoded item:
 * entries change places and nothing else, so every length stays as it is.
 */
import { createFieldCursor, type FieldCursor, nextField } from './fields.ts';

/** By field number: the fields of a message that are maps, and those that lead to one. */
export interface MapsOf {
  readonly [field: number]: 'map' | MapsOf;
}

const resources: MapsOf = { 1: 'map', 2: 'map' };
const container: MapsOf = { 8: resources };
const labelSelector: MapsOf = { 1: 'map' };
const podAffinityTerm: MapsOf = { 1: labelSelector, 4: labelSelector };
const podAffinity: MapsOf = { 1: podAffinityTerm, 2: { 2: podAffinityTerm } };
const claimTemplate: MapsOf = { 1: { 11: 'map', 12: 'map' }, 2: { 2: resources, 4: labelSelector } };
const projection: MapsOf = { 5: { 3: labelSelector }, 6: { 7: 'map' } };
const volumeSource: MapsOf = {
  12: { 5: 'map' },
  26: { 1: projection },
  28: { 4: 'map' },
  29: { 1: claimTemplate },
};
const podSpec: MapsOf = {
  1: { 2: volumeSource },
  2: container,
  7: 'map',
  18: { 2: podAffinity, 3: podAffinity },
  20: container,
  32: 'map',
  33: { 4: labelSelector },
  34: { 1: container },
  40: resources,
};

/** All maps of a JobSubmitRequestItem. */
export const MAPS_OF_ITEM: MapsOf = { 2: podSpec, 4: 'map', 5: 'map', 6: 'map', 7: podSpec, 9: { 3: 'map' } };

/** Sorts the maps of an encoded item, in place. */
export function sortMaps(bytes: Uint8Array, from: number, end: number): void {
  sortMapsOf(createFieldCursor(bytes, from, end), MAPS_OF_ITEM);
}

function sortMapsOf(cursor: FieldCursor, maps: MapsOf): void {
  const { bytes } = cursor;
  let isAtField = nextField(cursor);
  while (isAtField) {
    const what = maps[cursor.number];
    if (what === 'map') {
      isAtField = sortMap(cursor);
      continue;
    }
    if (what !== undefined) sortMapsOf(createFieldCursor(bytes, cursor.content, cursor.at), what);
    isAtField = nextField(cursor);
  }
}

/** Sorts the entries that stand together here, and moves past them; whether another field follows. */
function sortMap(cursor: FieldCursor): boolean {
  const { bytes, number } = cursor;
  const entries: { start: number; end: number }[] = [];
  let inOrder = true;
  let isAtField = true;
  while (isAtField && cursor.number === number) {
    const entry = { start: cursor.start, end: cursor.at };
    const last = entries.at(-1);
    if (last && compare(bytes, last, entry) > 0) inOrder = false;
    entries.push(entry);
    isAtField = nextField(cursor);
  }
  if (!inOrder) permute(bytes, entries);
  return isAtField;
}

function permute(bytes: Uint8Array, entries: readonly { start: number; end: number }[]): void {
  const from = entries[0]?.start ?? 0;
  const sorted = entries
    .toSorted((a, b) => compare(bytes, a, b))
    .map(({ start, end }) => Uint8Array.from(bytes.subarray(start, end)));
  let at = from;
  for (const entry of sorted) {
    bytes.set(entry, at);
    at += entry.length;
  }
}

/** Any order will do, as long as it looks at nothing but the entries. */
function compare(
  bytes: Uint8Array,
  a: { start: number; end: number },
  b: { start: number; end: number },
): number {
  const length = Math.min(a.end - a.start, b.end - b.start);
  for (let i = 0; i < length; i++) {
    const difference = (bytes[a.start + i] ?? 0) - (bytes[b.start + i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.end - a.start - (b.end - b.start);
}
