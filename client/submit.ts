import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { JobSubmitRequestItem, SubmitService } from '@armada-ts/api/api/submit';
import type { CallOptions, Connection } from './connect.ts';
import { ArmadaClientError, toClientError, type GrpcCode } from './errors.ts';

export interface Submission {
  queue: string;
  jobSetId: string;
  items: readonly JobSubmitRequestItem[];
}

/** The server's word on one item. */
export interface SubmittedItem {
  /** Place of the item in the submission, from 0. */
  index: number;
  /** Empty when the item was refused. */
  jobId: string;
  /** Why the item was refused; empty when it was accepted. */
  error: string;
}

/** Largest number of items in one request. */
export const MAX_BATCH_ITEMS = 500;
/** Servers accept 4 MiB a request; an eighth is left for the frame and the names. */
export const MAX_BATCH_BYTES = 3.5 * 1024 * 1024;

const TRIES = 5;
const FIRST_RETRY_MS = 200;
/** The request may or may not have been carried out; its client ids make asking again harmless. */
const REPEATABLE: ReadonlySet<GrpcCode> = new Set(['UNAVAILABLE', 'DEADLINE_EXCEEDED', 'ABORTED']);

/**
 * Submits any number of jobs to one job set, in as few requests as the limits
 * allow, and yields the answer to each item in order. Each request is accepted
 * or refused whole: when this throws, the items yielded before are submitted,
 * and the others are not. Item numbers in the error count from the submission's
 * start.
 *
 * Items without a client id get a random one, so that a request whose answer
 * was lost can be sent again without submitting twice.
 */
export async function* submitJobs(
  connection: Connection,
  submission: Submission,
  options: CallOptions = {},
): AsyncGenerator<SubmittedItem, void> {
  const { queue, jobSetId } = submission;
  const idPrefix = randomUUID();
  const items = submission.items.map((item, index) =>
    item.clientId === '' ? { ...item, clientId: `${idPrefix}-${index}` } : item,
  );
  let first = 0;
  for (const batch of batches(items)) {
    const request = { queue, jobSetId, jobRequestItems: batch };
    const start = first;
    const answer = await repeatedly(
      () => connection.call(SubmitService.submitJobs, request, options),
      options,
    ).catch((error: unknown) => {
      throw counted(toClientError(error), start);
    });
    for (const [place, { jobId, error }] of answer.jobResponseItems.entries()) {
      yield { index: start + place, jobId, error };
    }
    first += batch.length;
  }
}

/** Cuts items into requests of at most MAX_BATCH_ITEMS and MAX_BATCH_BYTES; an item too large for any goes alone. */
export function* batches(items: readonly JobSubmitRequestItem[]): Generator<JobSubmitRequestItem[]> {
  let batch: JobSubmitRequestItem[] = [];
  let batchBytes = 0;
  for (const item of items) {
    const itemBytes = JobSubmitRequestItem.encode(item).finish().length;
    if (batch.length > 0 && (batch.length === MAX_BATCH_ITEMS || batchBytes + itemBytes > MAX_BATCH_BYTES)) {
      yield batch;
      batch = [];
      batchBytes = 0;
    }
    batch.push(item);
    batchBytes += itemBytes;
  }
  if (batch.length > 0) yield batch;
}

async function repeatedly<Answer>(call: () => Promise<Answer>, options: CallOptions): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call();
    } catch (thrown) {
      const error = toClientError(thrown);
      const hopeless = error.unreachable || !REPEATABLE.has(error.code) || attempt === TRIES;
      if (hopeless || options.signal?.aborted) throw error;
      await sleep(Math.max(FIRST_RETRY_MS * 2 ** (attempt - 1), error.retryAfterMs ?? 0));
    }
  }
}

/** The server counts items from the request's start; the caller from the submission's. */
function counted(error: ArmadaClientError, first: number): ArmadaClientError {
  if (first === 0) return error;
  return new ArmadaClientError(error.code, error.message, {
    reason: error.reason,
    faults: error.faults.map(({ field, message }) => ({
      field: field.replace(
        /^(job_request_items|jobRequestItems)\[(\d+)\]/,
        (_, name: string, index: string) => {
          return `${name}[${first + Number(index)}]`;
        },
      ),
      message,
    })),
    jobErrors: error.jobErrors.map(({ index, message }) => ({ index: first + index, message })),
    retryAfterMs: error.retryAfterMs,
    unreachable: error.unreachable,
    cause: error,
  });
}
