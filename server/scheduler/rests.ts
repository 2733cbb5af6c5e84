/** Jobs about which something follows, but not yet. */
export interface Rests {
  /** Monotonic: when each job is to be looked at, by id. */
  readonly dueMs: Map<string, number>;
  /** The earliest of these. */
  nextMs: number;
}

export function createRests(): Rests {
  return { dueMs: new Map(), nextMs: Number.POSITIVE_INFINITY };
}

export function restJob(rests: Rests, jobId: string, dueMs: number): void {
  rests.dueMs.set(jobId, dueMs);
  rests.nextMs = Math.min(rests.nextMs, dueMs);
}

/** Ids of the jobs that have rested for long enough. */
export function takeRested(rests: Rests, nowMs: number): string[] {
  const rested: string[] = [];
  if (nowMs < rests.nextMs) return rested;
  rests.nextMs = Number.POSITIVE_INFINITY;
  for (const [jobId, dueMs] of rests.dueMs) {
    if (dueMs > nowMs) {
      rests.nextMs = Math.min(rests.nextMs, dueMs);
      continue;
    }
    rests.dueMs.delete(jobId);
    rested.push(jobId);
  }
  return rested;
}
