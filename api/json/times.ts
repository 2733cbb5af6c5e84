/**
 * Instants as RFC 3339 text and spans as seconds (`1.5s`), both to the
 * nanosecond, for the messages that hold seconds and nanos. What has no such
 * text, such as the year 10000, has none here either; the codec then writes the
 * message's own fields, as it also reads them.
 */

export interface SecondsAndNanos {
  readonly seconds: bigint;
  readonly nanos: number;
}

/** The first second of the year 1 and the last of 9999, as protocol buffers bound a Timestamp. */
const minInstantSeconds = -62135596800n;
const maxInstantSeconds = 253402300799n;

/** 10,000 years, as protocol buffers bound a Duration. */
const maxSpanSeconds = 315576000000n;

const nanosPerSecond = 1_000_000_000;

const instantPattern =
  /^(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** Undefined for text that is no instant, 31 February and leap seconds included. */
export function parseInstant(text: string): SecondsAndNanos | undefined {
  const match = instantPattern.exec(text);
  if (match === null) return undefined;
  const [, date, time, fraction, sign, hours, minutes] = match;
  const milliseconds = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(milliseconds) || !new Date(milliseconds).toISOString().startsWith(`${date}T${time}`)) {
    return undefined;
  }
  const offset = sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * (sign === '-' ? -60 : 60);
  const seconds = BigInt(milliseconds / 1000 - offset);
  return isInstant(seconds) ? { seconds, nanos: parseFraction(fraction) } : undefined;
}

/** In UTC, with as many digits after the second as it needs. */
export function formatInstant({ seconds, nanos }: SecondsAndNanos): string | undefined {
  if (!isInstant(seconds) || nanos < 0 || nanos >= nanosPerSecond) return undefined;
  const toTheSecond = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${toTheSecond}${formatFraction(nanos)}Z`;
}

/** Undefined for text that is no span. */
export function parseSpan(text: string): SecondsAndNanos | undefined {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text);
  if (match === null) return undefined;
  const [, sign, whole = '', fraction] = match;
  const seconds = BigInt(whole);
  const nanos = parseFraction(fraction);
  if (seconds > maxSpanSeconds) return undefined;
  return sign === '' ? { seconds, nanos } : { seconds: -seconds, nanos: 0 - nanos };
}

export function formatSpan({ seconds, nanos }: SecondsAndNanos): string | undefined {
  const isNegative = seconds < 0n || nanos < 0;
  if (isNegative && (seconds > 0n || nanos > 0)) return undefined;
  const whole = isNegative ? -seconds : seconds;
  if (whole > maxSpanSeconds || Math.abs(nanos) >= nanosPerSecond) return undefined;
  return `${isNegative ? '-' : ''}${whole}${formatFraction(Math.abs(nanos))}s`;
}

function isInstant(seconds: bigint): boolean {
  return seconds >= minInstantSeconds && seconds <= maxInstantSeconds;
}

function parseFraction(digits: string | undefined): number {
  return digits === undefined ? 0 : Number(digits.padEnd(9, '0'));
}

function formatFraction(nanos: number): string {
  if (nanos === 0) return '';
  return `.${String(nanos).padStart(9, '0').replace(/0+$/, '')}`;
}
