import type { EncodedItem } from './encoded-items.ts';
import { ArmadaClientError, type RequestFault } from './errors.ts';

/** How a field of an item is named, by servers that write names as in protos and by those that write them as in JSON. */
const ITEM_FIELD = /^(job_request_items|jobRequestItems)\[(\d+)\]/;

/** The server counts items from the request's start; the caller from the submission's. */
export function withSubmissionIndexes(
  error: ArmadaClientError,
  request: readonly EncodedItem[],
): ArmadaClientError {
  const indexOf = (place: number) => request[place]?.index ?? place;
  if (request.every(({ index }, place) => index === place)) return error;
  return new ArmadaClientError(error.code, error.message, {
    reason: error.reason,
    faults: error.faults.map(({ field, message }) => ({
      field: field.replace(
        ITEM_FIELD,
        (_, name: string, place: string) => `${name}[${indexOf(Number(place))}]`,
      ),
      message,
    })),
    jobErrors: error.jobErrors.map(({ index, message }) => ({ index: indexOf(index), message })),
    retryAfterMs: error.retryAfterMs,
    unreachable: error.unreachable,
    cause: error,
  });
}

/**
 * The items of a request that an error names, each with the error's share of
 * it, and the other members of their gangs. Empty when the error is not about
 * items.
 */
export function refusalsOf(
  error: ArmadaClientError,
  request: readonly EncodedItem[],
): Map<number, ArmadaClientError> {
  const faults = new Map<number, RequestFault[]>();
  for (const { field, message } of error.faults) {
    const [item, , index] = ITEM_FIELD.exec(field) ?? [];
    if (item === undefined) continue;
    add(faults, Number(index), { field: field.slice(item.length).replace(/^\./, ''), message });
  }
  for (const { index, message } of error.jobErrors) {
    if (!faults.has(index)) add(faults, index, { field: '', message });
  }
  const refusals = new Map<number, ArmadaClientError>();
  for (const { index } of request) {
    const own = faults.get(index);
    if (own) refusals.set(index, refusal(error, index, own));
  }
  for (const { index, gangId } of request) {
    const mate =
      gangId === '' ? undefined : request.find((item) => item.gangId === gangId && faults.has(item.index));
    if (!mate || refusals.has(index)) continue;
    const message = `item ${mate.index} of the same gang was refused`;
    refusals.set(index, refusal(error, index, [{ field: '', message }]));
  }
  return refusals;
}

function add(faults: Map<number, RequestFault[]>, index: number, fault: RequestFault): void {
  const list = faults.get(index);
  if (list) list.push(fault);
  else faults.set(index, [fault]);
}

function refusal(
  error: ArmadaClientError,
  index: number,
  faults: readonly RequestFault[],
): ArmadaClientError {
  const message = faults.map((fault) => [fault.field, fault.message].filter(Boolean).join(' ')).join('; ');
  return new ArmadaClientError(error.code, message, {
    reason: error.reason,
    faults,
    jobErrors: [{ index, message }],
    cause: error,
  });
}
