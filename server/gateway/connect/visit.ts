/** A call on its way through the Connect library: what the door and admission know of it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Admission, Admitted, Arrival, Refused } from '../../door/admission.ts';
import { arrivalMsOf } from '../../door/knock.ts';
import type { Need } from '../../door/method.ts';
import { SLOW_CLIENT_MS } from '../../door/sender.ts';
import { peerOf } from '../incoming.ts';
import type { Pieces } from './pieces.ts';

/** Why a call is given up, for whoever asks; made once, as many may go at a time. */
const GONE = new Error('the client has gone');

/** A request that has begun must be there whole by then: it is held in memory meanwhile. */
const REQUEST_TIMEOUT_MS = 30_000;

/** From then on its client is the slow one. */
const STALL_MS = 2_000;

export interface Visit {
  readonly request: IncomingMessage;
  /** Messages on their way past the library. */
  readonly pieces: Pieces;
  /** Aborts when the client goes without its answer. */
  readonly gone: AbortSignal;
  /** Asks to be let in; before the body is read. */
  enter(): Refused | undefined;
  /** Asks who calls; before the body is read, and not at all where there is none. Rejects as the library wants it. */
  knock(): Promise<void>;
  /** So much more of the request has come; false when there is no room for it. */
  takes(bytes: number): boolean;
  /** All of the request is there. */
  came(): void;
  /** It came, and could not be read. */
  readonly isUnreadable: boolean;
  /** It has been read and has this size: the work begins. */
  arrived(bytes: number): void;
  /** The work is done, whether or not the client has its answer. */
  answered(): void;
  /** Breaks the connection off, for a client who takes nothing, not even that the call has ended. */
  cutOff(): void;
}

export interface VisitOptions {
  admission: Admission;
  arrival: Omit<Arrival, 'connection'>;
  request: IncomingMessage;
  response: ServerResponse;
  /** What the method asks of whoever calls. */
  need: Need;
  /** How long the client may take nothing of an answer with one message; 30 s when left out. */
  slowClientMs?: number | undefined;
}

/**
 * As on the gRPC port, a call with one answer counts as under way until it is
 * answered, even when its client has gone, for the work goes on; and no longer,
 * even when its client does not take the answer. Answers to reads are another
 * matter, as they can be large and are held in memory until they go.
 */
export function beginVisit(options: VisitOptions): Visit {
  const { admission, arrival, request, response, need, slowClientMs = SLOW_CLIENT_MS } = options;
  let admitted: Admitted | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isAtWork = false;
  let isUnread = false;
  let hasEnded = false;
  const arriving = admission.intake.begin(request.socket);
  const gone = new AbortController();
  const cutOff = (): void => void response.destroy();
  response.on('close', () => {
    clearTimeout(timer);
    arriving.over();
    hasEnded = true;
    if (!response.writableEnded) gone.abort(GONE);
    if (!isAtWork) admitted?.over();
  });
  return {
    request,
    pieces: [],
    gone: gone.signal,
    enter() {
      const answer = admission.enter({ ...arrival, connection: peerOf(request) });
      if ('retryAfterMs' in answer) return answer;
      admitted = answer;
      timer = setTimeout(() => {
        answer.stalled();
        timer = setTimeout(cutOff, arrivalMsOf(need, REQUEST_TIMEOUT_MS) - STALL_MS);
      }, STALL_MS);
      return undefined;
    },
    // Who comes in brings it.
    knock: () => Promise.resolve(),
    takes: (bytes) => arriving.add(bytes),
    came() {
      isUnread = true;
    },
    get isUnreadable() {
      return isUnread && !gone.signal.aborted;
    },
    arrived(bytes) {
      clearTimeout(timer);
      arriving.over();
      admitted?.arrived(bytes);
      isUnread = false;
      isAtWork = !arrival.isStream;
    },
    answered() {
      isAtWork = false;
      if (!arrival.isStream) response.setTimeout(slowClientMs, cutOff);
      if (hasEnded || (!arrival.isStream && arrival.rank !== 'read')) admitted?.over();
    },
    cutOff,
  };
}
