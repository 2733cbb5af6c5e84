import { isRunId } from '../model/ids.ts';

/**
 * Bytes of a run id, as the engines keep it (job ids: model/job-key.ts): 16 instead of 36, because
 * tables and indexes repeat them. Undefined for text that is none.
 */
export function runKey(runId: string): Uint8Array | undefined {
  return isRunId(runId) ? Buffer.from(runId.replaceAll('-', ''), 'hex') : undefined;
}
