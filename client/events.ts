import { EventService, type EventMessage, type EventStreamMessage } from '@armada-ts/api/api/event';
import type { Connection } from './connect.ts';
import { ArmadaClientError, toClientError } from './errors.ts';
import { resuming, type ResumeOptions } from './resume.ts';
import { untilClosed } from './retry.ts';

/** The body of an event, told apart by `$case`. */
export type JobSetEventBody = NonNullable<EventMessage['events']>;

/** One event of a job set, with the id from which a later watch can go on. */
export interface JobSetEvent {
  messageId: string;
  body: JobSetEventBody;
  /** As it came, for printing it whole. */
  message: EventMessage;
}

export interface WatchOptions extends ResumeOptions {
  queue: string;
  jobSetId: string;
  /** Start after this message; the beginning of the job set when left out. */
  fromMessageId?: string;
  /** Wait for more at the end (default), or stop at what is there now. */
  follow?: boolean;
  /** Fail with NOT_FOUND when the job set has no events, instead of waiting for its first. */
  errorIfMissing?: boolean;
}

/**
 * Reads the events of a job set in order, each once. A broken stream is resumed
 * after the last event by itself. When that is not possible, the error has the
 * id of the last event as `lastMessageId`, and its `reason` says why: EVENTS_GONE
 * when events after that one are no longer kept, so that some are missed for
 * good; QUEUE_NOT_FOUND when the queue was deleted; UNAVAILABLE or none when the
 * server stayed away for too long, and a watch from there may succeed later.
 */
export async function* watchJobSet(
  connection: Connection,
  options: WatchOptions,
): AsyncGenerator<JobSetEvent, void> {
  const follow = options.follow ?? true;
  const signal = untilClosed(connection, options.signal);
  let messageId = options.fromMessageId ?? '';
  let received = false;
  const open = (onSent: () => void) =>
    connection.stream(
      EventService.getJobSetEvents,
      {
        queue: options.queue,
        id: options.jobSetId,
        watch: follow,
        fromMessageId: messageId,
        errorIfMissing: (options.errorIfMissing ?? false) && !received,
      },
      { signal, onSent },
    );
  try {
    for await (const streamed of resuming(open, { ...options, signal, endless: follow })) {
      received = true;
      messageId = streamed.id;
      const event = toEvent(streamed);
      if (event) yield event;
    }
  } catch (thrown) {
    const error = toClientError(thrown);
    if (!received || signal.aborted) throw error;
    throw brokenAfter(messageId, options.jobSetId, error);
  }
}

function brokenAfter(lastMessageId: string, jobSetId: string, cause: ArmadaClientError): ArmadaClientError {
  const { code, reason, unreachable, retryAfterMs } = cause;
  const message = `the watch of job set "${jobSetId}" broke after message ${lastMessageId}: ${cause.message}`;
  return new ArmadaClientError(code, message, { reason, unreachable, retryAfterMs, lastMessageId, cause });
}

/** Kinds that a newer server invented arrive without a body; there is nothing to say about them. */
function toEvent(streamed: EventStreamMessage): JobSetEvent | undefined {
  const { id, message } = streamed;
  return message?.events && { messageId: id, body: message.events, message };
}
