/** How long something took, how often: counts by bucket, the last for all above the highest bound. */
export interface Durations {
  readonly counts: Float64Array;
  sum: number;
}

export function noDurations(bounds: number): Durations {
  return { counts: new Float64Array(bounds + 1), sum: 0 };
}

/** @param bounds upper bounds of the buckets, rising */
export function addDuration(to: Durations, bounds: readonly number[], took: number): void {
  let bucket = 0;
  while (bucket < bounds.length && took > (bounds[bucket] ?? 0)) bucket++;
  to.counts[bucket] = (to.counts[bucket] ?? 0) + 1;
  to.sum += took;
}
