/**
 * Credentials before anything else of a request: some kilobytes from a stranger
 * may unpack to megabytes, and be read for a tenth of a second, for nothing.
 */
import { type Door, identify, type Incoming } from './call.ts';
import type { Method, Need } from './method.ts';

/** Of methods that do not ask who calls; what they take is a name or two. */
const MAX_BYTES_OF_ANYONE = 16 * 1024;
const ARRIVAL_MS_OF_ANYONE = 2_000;

/** Largest request of a method, after decompression. */
export function maxBytesOf(need: Need, maxRequestBytes: number): number {
  return need === 'anyone' ? Math.min(MAX_BYTES_OF_ANYONE, maxRequestBytes) : maxRequestBytes;
}

/** How long a request of a method may take to arrive, in milliseconds, where others may take so long. */
export function arrivalMsOf(need: Need, timeoutMs: number): number {
  return need === 'anyone' ? Math.min(ARRIVAL_MS_OF_ANYONE, timeoutMs) : timeoutMs;
}

/**
 * Names the caller before the request is read, for the call that follows. When
 * it rejects, with what the call would have, there is to be none.
 */
export async function knock(door: Door, { need, kind }: Method, incoming: Incoming): Promise<void> {
  try {
    incoming.known = await identify(door, need, incoming);
  } catch (error) {
    door.observer.began(incoming, kind).over(error);
    throw error;
  }
}
