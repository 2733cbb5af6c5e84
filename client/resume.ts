import { performance } from 'node:perf_hooks';
import { ArmadaClientError, toClientError, type GrpcCode } from './errors.ts';
import { delayBefore, pause } from './retry.ts';

/** A break in a stream that is about to be resumed. */
export interface Interruption {
  /** What broke it; undefined when the server ended it without an error. */
  error: ArmadaClientError | undefined;
  /** Breaks in a row, from 1; a message resets the count. */
  attempt: number;
  /** When the next try begins, in milliseconds from now. */
  retryInMs: number;
}

export interface ResumeOptions {
  signal?: AbortSignal | undefined;
  /** Told of every break before the wait; for notices to people. */
  onInterrupted?: ((interruption: Interruption) => void) | undefined;
  /** First wait; doubles with each break in a row. Default 250 ms. */
  firstDelayMs?: number;
  /** Longest wait. Default 10 s. */
  maxDelayMs?: number;
  /** How long breaks may follow each other before the stream is given up. Default 10 min. */
  giveUpAfterMs?: number;
}

/** Codes that say "not now"; every other code says "not at all". */
const RESUMABLE: ReadonlySet<GrpcCode> = new Set([
  'UNAVAILABLE',
  'ABORTED',
  'RESOURCE_EXHAUSTED',
  'DEADLINE_EXCEEDED',
  'INTERNAL',
  'UNKNOWN',
]);

/**
 * Servers that do not say why refuse whoever they do not let in at once, though a
 * password may be typed before, or a server be looked for.
 */
const REFUSED_WITHIN_MS = 1_000;

/**
 * Reads a stream and opens it again after a break, with growing waits. `open`
 * must continue after the last message that was yielded, and tell when it has
 * asked for the stream. A server that cannot be reached at the very first try
 * is an error at once; later it is a break. Throws ArmadaClientError when the
 * break is final or lasts too long.
 *
 * `endless` says that the stream has no natural end, so that an end without an
 * error is a break too.
 */
export async function* resuming<Message>(
  open: (onSent: () => void) => AsyncIterable<Message>,
  options: ResumeOptions & { endless: boolean },
): AsyncGenerator<Message, void> {
  const giveUpAfterMs = options.giveUpAfterMs ?? 600_000;
  let attempt = 0;
  let reached = false;
  let brokenAt: number | undefined;
  for (;;) {
    let error: ArmadaClientError | undefined;
    let sentAt = Number.POSITIVE_INFINITY;
    let wasLetIn = false;
    try {
      const stream = open(() => {
        sentAt = performance.now();
      });
      for await (const message of stream) {
        reached = true;
        wasLetIn = true;
        attempt = 0;
        brokenAt = undefined;
        yield message;
      }
      if (!options.endless) return;
    } catch (thrown) {
      error = toClientError(thrown);
      wasLetIn ||= hadBeenLetIn(error, performance.now() - sentAt);
      // Its token ran out, and by now there may be another.
      const isResumable = RESUMABLE.has(error.code) || (error.code === 'UNAUTHENTICATED' && wasLetIn);
      if (options.signal?.aborted || !isResumable) throw error;
      if (error.unreachable && !reached) throw error;
    }
    reached = true;
    attempt += 1;
    brokenAt ??= performance.now();
    if (performance.now() - brokenAt > giveUpAfterMs) throw error ?? endedError();
    const retryInMs = delayBefore(attempt, error?.retryAfterMs, {
      firstDelayMs: options.firstDelayMs ?? 250,
      maxDelayMs: options.maxDelayMs ?? 10_000,
    });
    options.onInterrupted?.({ error, attempt, retryInMs });
    await pause(retryInMs, options.signal);
  }
}

/** What a stream without messages ended with tells credentials that were refused from ones that ran out. */
function hadBeenLetIn({ reason }: ArmadaClientError, openMs: number): boolean {
  return reason ? reason === 'CREDENTIALS_ENDED' : openMs > REFUSED_WITHIN_MS;
}

function endedError(): ArmadaClientError {
  return new ArmadaClientError('UNAVAILABLE', 'the server keeps ending the stream');
}
