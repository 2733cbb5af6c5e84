import { ArmadaError, invalidField } from '../base/errors.ts';
import type { Principal } from '../auth/principal.ts';
import { queueFor } from '../auth/queue-access.ts';
import type { Authorizer } from '../auth/authorizer.ts';
import type { JobSetInfo, Store } from '../store/store.ts';
import { shown } from '../model/names.ts';
import { piecesOf } from './pieces.ts';
import { type EventHub, eventsGone, type Feed, RUN_BYTES } from './hub.ts';
import { parseMessageId } from './message-id.ts';

export interface EventsDeps {
  store: Store;
  hub: EventHub;
  authorizer: Authorizer;
}

export interface JobSetEventsRequest {
  queue: string;
  jobSet: string;
  /** Id of the last event the caller has; '' for all. */
  fromMessageId: string;
  /** Go on with what is still to come. */
  watch: boolean;
  /** Refuse when the job set has no events, instead of waiting for it. */
  errorIfMissing: boolean;
}

/** Where a reader of a job set's stream stands. */
interface Cursor {
  /** Number of the last sequence seen whole. */
  after: number;
  /** Events of the next sequence that were seen already. */
  skip: number;
  /** From the first event that is still kept, whichever it is. */
  isStart: boolean;
}

/**
 * The public events of a job set, in order, each once: pieces of framed events
 * (base/framing.ts), ready to be sent. Without `watch` it ends at what was newest when it began.
 *
 * Throws QUEUE_NOT_FOUND (also after the last event of a queue that is deleted), PERMISSION_DENIED, JOB_SET_NOT_FOUND, INVALID_REQUEST
 * (an id that is none) and EVENTS_GONE (an id whose successors are no longer kept).
 */
export async function* jobSetEvents(
  deps: EventsDeps,
  principal: Principal,
  request: JobSetEventsRequest,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  // Joining before looking makes sure that nothing falls between the two.
  const feed = deps.hub.join(request.queue, request.jobSet);
  try {
    await queueFor(deps, principal, request.queue, 'watch');
    const info = await deps.store.read.jobSet(request.queue, request.jobSet);
    if (!info && request.errorIfMissing) {
      const message = `job set ${shown(request.jobSet)} of queue ${shown(request.queue)} has no events`;
      throw new ArmadaError('JOB_SET_NOT_FOUND', message);
    }
    const end = request.watch ? Number.POSITIVE_INFINITY : (info?.lastNumber ?? 0);
    yield* follow(feed, startOf(request.fromMessageId, info), end, signal);
  } finally {
    feed.leave();
  }
}

async function* follow(feed: Feed, cursor: Cursor, end: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  while (!signal.aborted && cursor.after < end) {
    const sequence = await feed.next(cursor.after);
    if (!sequence) {
      await feed.changed(cursor.after, signal);
      continue;
    }
    if (sequence.number > cursor.after + 1 && !cursor.isStart) throw eventsGone();
    cursor.isStart = false;
    if (cursor.skip > 0 || sequence.events.bytes.length > RUN_BYTES) {
      yield* piecesOf(sequence.events, cursor.skip, RUN_BYTES);
      cursor.after = sequence.number;
      cursor.skip = 0;
      continue;
    }
    const run = feed.runFrom(sequence, end);
    cursor.after = run.last;
    if (run.bytes.length > 0) yield run.bytes;
  }
}

/** Turns the id a client handed back into a place in the stream as it is now. */
function startOf(fromMessageId: string, info: JobSetInfo | undefined): Cursor {
  const position = parseMessageId(fromMessageId);
  if (position === undefined) {
    const message = `must be the id of an event received earlier, or empty for all events; got ${shown(fromMessageId)}`;
    throw invalidField('from_message_id', message);
  }
  if (position === 'start' || !info || position.streamCreatedMs < info.streamCreatedMs) {
    // An id of an earlier incarnation of the job set: everything here is newer.
    return { after: (info?.firstNumber ?? 1) - 1, skip: 0, isStart: true };
  }
  const after = position.whole ? position.number : position.number - 1;
  if (position.streamCreatedMs > info.streamCreatedMs || position.number > info.lastNumber)
    throw eventsGone();
  if (after + 1 < info.firstNumber) throw eventsGone();
  return { after, skip: position.seen, isStart: false };
}
