/**
 * Ids as the engines keep them: 16 bytes that sort as the text does, because every
 * table and index repeats them.
 */
import { isRunId } from '../model/ids.ts';

export { jobIdOf, jobKey } from '../model/job-key.ts';

/** Bytes of a run id; undefined for text that is none. */
export function runKey(runId: string): Uint8Array | undefined {
  return isRunId(runId) ? Buffer.from(runId.replaceAll('-', ''), 'hex') : undefined;
}
