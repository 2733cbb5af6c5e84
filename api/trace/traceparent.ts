/**
 * The trace that something belongs to, as the W3C spells it in the header
 * `traceparent`. A job carries it in an annotation, from the call that submitted
 * it through its lease to whoever runs it.
 */

/** Name of the header, and of the annotation. */
export const TRACEPARENT_HEADER = 'traceparent';
export const TRACEPARENT_ANNOTATION = 'armadaproject.io/traceparent';

export interface TraceParent {
  /** 32 hexadecimal digits. */
  traceId: string;
  /** 16 of them: the span that what follows is part of. */
  spanId: string;
  /** Bit 0 is set when the trace is kept. */
  traceFlags: number;
}

const FORM = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

/** Undefined for what is none: whoever sent it is not refused for that. */
export function parseTraceparent(text: string): TraceParent | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] = FORM.exec(text) ?? [];
  // Later versions may say more after what is known; this one may not.
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) };
}

export function formatTraceparent({ traceId, spanId, traceFlags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}
