/**
 * Spans for a collector that takes OpenTelemetry's protocol over HTTP, in JSON.
 *
 * Each span is told its parent: nothing is global, and nothing rides on
 * asynchronous context, which every call of a program would pay for, traced or
 * not. What is not sent is bounded; a collector that is away costs spans, never
 * the program.
 */
import { formatTraceparent, parseTraceparent, type TraceParent } from './traceparent.ts';

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface NewSpan {
  name: string;
  kind: 'server' | 'internal';
  /** The traceparent it belongs to; without one, or with one that is none, a trace begins here. */
  parent: string | undefined;
  /** Milliseconds since the Unix epoch; fractions count. */
  startMs: number;
  attributes: SpanAttributes;
}

/** A piece of work under way. */
export interface OpenSpan {
  /** For what is part of it elsewhere; undefined when the trace is not kept. */
  readonly traceparent: string | undefined;
  end(end: { endMs: number; failure?: string; attributes?: SpanAttributes }): void;
}

export interface Spans {
  begin(span: NewSpan): OpenSpan;
  /** Sends what is not sent yet, if the collector takes it soon. */
  close(): Promise<void>;
}

export interface SpansSettings {
  /** Where the collector listens: the whole URL. */
  endpoint: string;
  /** Of the traces that begin here, how many are kept, from 0 to 1. */
  sampleRatio: number;
  /** Who tells: `service.name` and the like. */
  resource: SpanAttributes;
  /** That many random bytes. */
  random: (bytes: number) => Uint8Array;
  /** Told at times why spans do not get through. */
  report: (reason: string) => void;
}

/** A burst of leases is a burst of spans; what is beyond this is dropped. */
const MAX_UNSENT = 8192;
const MAX_BATCH = 1024;
const SEND_EVERY_MS = 1000;
const SEND_TIMEOUT_MS = 10_000;
const CLOSE_TIMEOUT_MS = 2_000;
const MAX_PAUSE_MS = 30_000;
/** Faults, of which the first is reported. */
const REPORT_EVERY = 60;

/** Numbers of the protocol. */
const KINDS = { internal: 1, server: 2 } as const;
const FAILED = 2;
const KEPT = 1;

const NOT_KEPT: OpenSpan = { traceparent: undefined, end: () => {} };

export function openSpans(settings: SpansSettings): Spans {
  const outbox = createOutbox(settings);
  return {
    begin(span) {
      const own = contextOf(settings, span.parent);
      if (own === undefined) return NOT_KEPT;
      const { traceId, spanId, parentSpanId, traceFlags } = own;
      return {
        traceparent: formatTraceparent(own),
        end({ endMs, failure, attributes = {} }) {
          outbox.put({
            traceId,
            spanId,
            ...(parentSpanId !== undefined && { parentSpanId }),
            flags: traceFlags,
            name: span.name,
            kind: KINDS[span.kind],
            startTimeUnixNano: nanoseconds(span.startMs),
            endTimeUnixNano: nanoseconds(Math.max(endMs, span.startMs)),
            attributes: encoded({ ...span.attributes, ...attributes }),
            ...(failure !== undefined && { status: { code: FAILED, message: failure } }),
          });
        },
      };
    },
    close: () => outbox.close(),
  };
}

/** Undefined when the trace is not kept: whoever began it decided that. */
function contextOf(
  { sampleRatio, random }: SpansSettings,
  parent: string | undefined,
): (TraceParent & { parentSpanId: string | undefined }) | undefined {
  const known = parent === undefined ? undefined : parseTraceparent(parent);
  if (known) {
    if ((known.traceFlags & KEPT) === 0) return undefined;
    return { ...known, spanId: hex(random(8)), parentSpanId: known.spanId };
  }
  const bytes = random(24);
  const draw = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8) / 2 ** 32;
  if (draw >= sampleRatio) return undefined;
  const ids = hex(bytes);
  return { traceId: ids.slice(0, 32), spanId: ids.slice(32), traceFlags: KEPT, parentSpanId: undefined };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

/** To the microsecond: a number holds no more of today's date. */
function nanoseconds(ms: number): string {
  return `${Math.round(ms * 1000)}000`;
}

function encoded(attributes: SpanAttributes): object[] {
  return Object.entries(attributes).map(([key, value]) => ({ key, value: encodedValue(value) }));
}

function encodedValue(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}

interface Outbox {
  put(span: object): void;
  close(): Promise<void>;
}

/** Sends spans together, one request at a time; what the collector did not take waits and is sent again. */
function createOutbox({ endpoint, resource, report }: SpansSettings): Outbox {
  const unsent: object[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let sending: Promise<void> | undefined;
  /** Requests in a row that the collector could not take. */
  let failures = 0;
  let faults = 0;
  let dropped = 0;

  const wake = (delayMs: number): void => {
    if (timer || sending) return;
    timer = setTimeout(() => {
      timer = undefined;
      sending = send(SEND_TIMEOUT_MS).finally(() => {
        sending = undefined;
        if (unsent.length > 0) wake(Math.min(SEND_EVERY_MS * 2 ** failures, MAX_PAUSE_MS));
      });
    }, delayMs);
    timer.unref();
  };

  const send = async (timeoutMs: number): Promise<void> => {
    const batch = unsent.slice(0, MAX_BATCH);
    const fault = await post(endpoint, bodyOf(resource, batch), timeoutMs);
    if (fault?.isPassing) failures++;
    else {
      failures = 0;
      unsent.splice(0, batch.length);
      if (fault) dropped += batch.length;
    }
    if (fault && faults++ % REPORT_EVERY === 0)
      report(`${fault.reason}; ${dropped} spans were dropped so far`);
  };

  return {
    put(span) {
      if (unsent.length >= MAX_UNSENT) dropped++;
      else unsent.push(span);
      wake(SEND_EVERY_MS);
    },
    async close() {
      await sending;
      clearTimeout(timer);
      failures = 0;
      while (unsent.length > 0 && failures === 0) await send(CLOSE_TIMEOUT_MS);
      // Nothing is sent any more.
      timer = setTimeout(() => {}, 0);
    },
  };
}

function bodyOf(resource: SpanAttributes, spans: object[]): string {
  const scopeSpans = [{ scope: { name: 'armada-ts' }, spans }];
  return JSON.stringify({ resourceSpans: [{ resource: { attributes: encoded(resource) }, scopeSpans }] });
}

/** What came of it: undefined when it was taken. A passing fault is worth another try. */
async function post(
  endpoint: string,
  body: string,
  timeoutMs: number,
): Promise<{ reason: string; isPassing: boolean } | undefined> {
  try {
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    await answer.arrayBuffer();
    if (answer.ok) return undefined;
    return { reason: `HTTP ${answer.status}`, isPassing: answer.status === 429 || answer.status >= 500 };
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return { reason: cause instanceof Error ? cause.message : String(cause), isPassing: true };
  }
}
