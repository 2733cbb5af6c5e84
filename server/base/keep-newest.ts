/**
 * Keeps a value as the newest of its map, and lets go of the oldest when there are
 * more than so many: what is remembered of callers must not grow with their number.
 */
export function keepNewest<Key, Value>(map: Map<Key, Value>, key: Key, value: Value, max: number): void {
  map.delete(key);
  map.set(key, value);
  const oldest = map.keys().next();
  if (map.size > max && !oldest.done) map.delete(oldest.value);
}
