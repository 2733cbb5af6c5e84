import type { Timestamp } from '@armada-ts/api/google/protobuf/timestamp';

/** Milliseconds since the Unix epoch of a wire timestamp; 0 when it is unset. */
export function instantOf(timestamp: Timestamp | undefined): number {
  if (!timestamp) return 0;
  return Number(timestamp.seconds) * 1000 + Math.floor(timestamp.nanos / 1e6);
}

/** Wire timestamp of an instant in milliseconds. */
export function timestampOf(ms: number): Timestamp {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: Math.floor((ms - seconds * 1000) * 1e6) };
}
