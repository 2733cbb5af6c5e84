import type { ReadLogRequest, ReadLogResponse } from '@armada-ts/api/armada/logs/v1/logs';
import type { ReadLog } from '@armada-ts/api/armada/executor/v1/executor';
import type { Principal } from '../auth/principal.ts';
import { ArmadaError } from '../base/errors.ts';
import { shown } from '../model/names.ts';
import { type QueryDeps, watchableJob } from './access.ts';

export interface LogDeps extends QueryDeps {
  /** Asks the executor that ran it, wherever it is connected (peers/logs.ts). */
  readFromExecutor: (
    executorId: string,
    question: Omit<ReadLog, 'question'>,
    signal: AbortSignal,
  ) => AsyncIterable<{ data: Uint8Array; offset: number }>;
}

/**
 * What a job's run wrote. Throws INVALID_REQUEST, JOB_NOT_FOUND (also for jobs
 * of queues the caller may not watch), LOG_NOT_FOUND (nothing has run yet, or
 * the log is gone) and UNAVAILABLE (the executor is away).
 */
export async function* readLog(
  deps: LogDeps,
  principal: Principal,
  request: ReadLogRequest,
  { signal, onQueue }: { signal: AbortSignal; onQueue: (queue: string) => void },
): AsyncGenerator<ReadLogResponse> {
  const { jobId } = request;
  const record = await watchableJob(deps, principal, jobId);
  onQueue(record.queue);
  const run =
    request.runId === '' ? record.runs.at(-1) : record.runs.find(({ runId }) => runId === request.runId);
  if (!run) {
    const message =
      request.runId === ''
        ? `job ${jobId} has not run yet`
        : `job ${jobId} has no run ${shown(request.runId)}`;
    throw new ArmadaError('LOG_NOT_FOUND', message);
  }
  const { container, offset, follow } = request;
  const question = { jobId, runId: run.runId, container, offset, follow, limit: 0n };
  for await (const part of deps.readFromExecutor(run.executorId, question, signal)) {
    const { buffer, byteOffset, byteLength } = part.data;
    yield {
      data: Buffer.from(buffer, byteOffset, byteLength),
      offset: BigInt(part.offset),
      runId: run.runId,
    };
  }
}
