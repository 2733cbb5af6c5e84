import type { ListJobsRequest } from '@armada-ts/api/armada/jobs/v1/jobs';
import { invalidField } from '../base/errors.ts';

/** Where a list goes on: in this job set, after this id. */
export interface Place {
  queue: string;
  jobSet: string;
  afterId: string;
}

/** The token that stands for a place. */
export function tokenOf({ queue, jobSet, afterId }: Place): string {
  return Buffer.from(JSON.stringify([queue, jobSet, afterId])).toString('base64url');
}

/** The place of a request's token; the beginning without one. Throws INVALID_REQUEST for a token that is not of this question. */
export function placeOfToken({ pageToken, queue, jobSet }: ListJobsRequest): Place {
  if (pageToken === '') return { queue: '', jobSet: '', afterId: '' };
  const place = decoded(pageToken);
  const isOfQuestion =
    place && (queue === '' || place.queue === queue) && (jobSet === '' || place.jobSet === jobSet);
  if (isOfQuestion) return place;
  throw invalidField('page_token', 'must come from the page before, of the same question; begin without one');
}

function decoded(token: string): Place | undefined {
  try {
    const parts: unknown = JSON.parse(Buffer.from(token, 'base64url').toString());
    if (!Array.isArray(parts) || parts.length !== 3) return undefined;
    const [queue, jobSet, afterId] = parts.map(String);
    if (queue === undefined || jobSet === undefined || afterId === undefined) return undefined;
    return { queue, jobSet, afterId };
  } catch {
    return undefined;
  }
}
