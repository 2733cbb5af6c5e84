import type { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { batches } from './batches.ts';
import type { CallOptions, Connection } from './connect.ts';
import { type ClientIds, createItemEncoder, type EncodedItem, submitEncoded } from './encoded-items.ts';
import { ArmadaClientError, toClientError } from './errors.ts';
import { refusalsOf, withSubmissionIndexes } from './refused-items.ts';
import { retrying, untilClosed } from './retry.ts';

export type { ClientIds } from './encoded-items.ts';

export interface Submission {
  queue: string;
  jobSetId: string;
  items: readonly JobSubmitRequestItem[];
}

/** All have defaults. */
export interface SubmitOptions extends CallOptions {
  /** Where items without a client id get one from. Default `content`: submitting the same list again makes nothing twice. */
  clientIds?: ClientIds;
  /**
   * What becomes of items that the server finds wrong. `throw` (default): a
   * request with such an item is refused whole, and the submission ends with the
   * error. `report`: they are reported among the results, and the others are
   * submitted without them.
   */
  refused?: 'throw' | 'report';
  /** Requests under way at the same time. Default 4, more of which make a server no faster; 1 keeps even requests in order. */
  maxInFlight?: number;
  /** Items of one request. Default 500. */
  maxBatchItems?: number;
  /** Bytes of one request. Default 3.5 MiB, as servers accept 4 MiB. */
  maxBatchBytes?: number;
}

/** The server's word on one item. */
export interface SubmittedItem {
  /** Place of the item in the submission, from 0. */
  index: number;
  /** Empty when the item was refused. */
  jobId: string;
  /** Why the item was refused; empty when it was accepted. */
  error: string;
  /** The same with its code and the faults of this item; undefined when it was accepted. */
  refusal: ArmadaClientError | undefined;
}

const MAX_BATCH_ITEMS = 500;
/** Servers accept 4 MiB a request; an eighth is left for the frame and the names. */
const MAX_BATCH_BYTES = 3.5 * 1024 * 1024;
const MAX_IN_FLIGHT = 4;
/** Longer than a server takes to restart, or to work off more than it can take. */
const RETRY_FOR_MS = 60_000;

/**
 * Submits any number of jobs to one job set, in as few requests as the limits
 * allow, and yields the answer to each item in order; leaving the loop ends the
 * submission. Each request is accepted or refused whole, and those with a gang
 * hold all of it.
 *
 * Every item has a client id in the end, so requests whose answers were lost are
 * sent again without submitting twice, for as long as failures pass. When this
 * throws, all items that are known to be submitted have been yielded, those of
 * later requests among them; of others the answer may have been lost. Whoever
 * calls again with the same items, and client ids that are not random, submits
 * just those that are not there. Item numbers in errors count from the
 * submission's start.
 */
export async function* submitJobs(
  connection: Connection,
  submission: Submission,
  options: SubmitOptions = {},
): AsyncGenerator<SubmittedItem, void> {
  const leave = new AbortController();
  const signal = AbortSignal.any([untilClosed(connection, options.signal), leave.signal]);
  const send = createSender(connection, submission, { ...options, signal });
  const waiting = requestsOf(submission, options);
  const underway: Promise<Answer>[] = [];
  const order = createOrder();
  let failure: ArmadaClientError | undefined;
  const fill = () => {
    while (!failure && underway.length < Math.max(1, options.maxInFlight ?? MAX_IN_FLIGHT)) {
      const next = waiting.next();
      if (next.done) return;
      underway.push(send(next.value));
    }
  };
  try {
    for (fill(); underway.length > 0; fill()) {
      const answer = await underway.shift();
      if (answer?.failure) failure ??= answer.failure;
      yield* order.take(answer?.items ?? []);
    }
    yield* order.rest();
    if (failure) throw options.clientIds === 'random' ? failure : withAdvice(failure);
  } finally {
    leave.abort();
  }
}

/** Nobody can tell which items a lost answer was about, but with client ids nobody has to. */
function withAdvice(failure: ArmadaClientError): ArmadaClientError {
  if (!isOutcomeUnknown(failure)) return failure;
  const { code, message, reason, retryAfterMs } = failure;
  const advice = 'some items may have been submitted: the same items again make none twice';
  return new ArmadaClientError(code, `${message}; ${advice}`, { reason, retryAfterMs, cause: failure });
}

function requestsOf({ jobSetId, items }: Submission, options: SubmitOptions): Generator<EncodedItem[]> {
  return batches(items, createItemEncoder(jobSetId, options.clientIds ?? 'content'), {
    maxItems: options.maxBatchItems ?? MAX_BATCH_ITEMS,
    maxBytes: options.maxBatchBytes ?? MAX_BATCH_BYTES,
  });
}

/** What became of one request; never a rejection, which nobody might be there to hear. */
interface Answer {
  items: readonly SubmittedItem[];
  failure?: ArmadaClientError;
}

function createSender(
  connection: Connection,
  { queue, jobSetId }: Submission,
  options: SubmitOptions & { signal: AbortSignal },
): (request: readonly EncodedItem[]) => Promise<Answer> {
  const retryForMs = options.retryForMs ?? connection.retryForMs ?? RETRY_FOR_MS;
  let wasReached = false;
  const submit = async (items: readonly EncodedItem[]): Promise<SubmittedItem[]> => {
    const call = () => connection.call(submitEncoded, { queue, jobSetId, items }, options);
    // Client ids make asking again harmless, so an unknown outcome is no reason to stop.
    const passes = (error: ArmadaClientError) =>
      (error.passes || isOutcomeUnknown(error)) && (wasReached || !error.unreachable);
    const answer = await retrying(call, { retryForMs, passes, signal: options.signal });
    wasReached = true;
    return answer.jobResponseItems.flatMap(({ jobId, error }, place) => {
      const index = items[place]?.index;
      if (index === undefined) return [];
      return error === ''
        ? [accepted(index, jobId)]
        : [refused(index, new ArmadaClientError('INVALID_ARGUMENT', error))];
    });
  };
  return async (request) => {
    const reported: SubmittedItem[] = [];
    for (let rest = request; ; ) {
      try {
        return { items: [...reported, ...(await submit(rest))] };
      } catch (thrown) {
        const failure = withSubmissionIndexes(toClientError(thrown), rest);
        const refusals = options.refused === 'report' ? refusalsOf(failure, rest) : undefined;
        if (!refusals?.size) return { items: reported, failure };
        for (const [index, refusal] of refusals) reported.push(refused(index, refusal));
        rest = rest.filter(({ index }) => !refusals.has(index));
        if (rest.length === 0) return { items: reported };
      }
    }
  };
}

/** Whether the server may have done what it was asked all the same. */
export function isOutcomeUnknown({ code, unreachable }: ArmadaClientError): boolean {
  return !unreachable && (code === 'DEADLINE_EXCEEDED' || code === 'UNAVAILABLE');
}

function accepted(index: number, jobId: string): SubmittedItem {
  return { index, jobId, error: '', refusal: undefined };
}

function refused(index: number, refusal: ArmadaClientError): SubmittedItem {
  return { index, jobId: '', error: refusal.message, refusal };
}

/** Holds results back until those before them are there; gangs and refusals make them come out of order. */
function createOrder() {
  const held = new Map<number, SubmittedItem>();
  let next = 0;
  return {
    *take(items: readonly SubmittedItem[]): Generator<SubmittedItem> {
      for (const item of items) held.set(item.index, item);
      for (let item = held.get(next); item; item = held.get(next)) {
        held.delete(next);
        next += 1;
        yield item;
      }
    },
    /** What is left when something before it has no result. */
    *rest(): Generator<SubmittedItem> {
      yield* [...held.values()].sort((a, b) => a.index - b.index);
    },
  };
}
