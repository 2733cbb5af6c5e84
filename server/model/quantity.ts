/**
 * Kubernetes quantities, exactly. A quantity is decimal text with an optional
 * suffix (`500m`, `4Gi`, `1.5`, `2e3`); scheduling counts in integers of the
 * resource's base unit. Text is turned into an exact fraction first, so nothing
 * is lost before the one rounding that the caller asks for: requests go up and
 * capacities go down, which keeps both sides safe.
 *
 * Nothing here throws: what cannot be read comes back as a fault text.
 */

import { shown } from './names.ts';

/** A value, or why there is none. */
export type Parsed<T> = { ok: true; value: T } | { ok: false; fault: string };

/** An exact amount; the denominator is positive. */
export interface ExactQuantity {
  numerator: bigint;
  denominator: bigint;
}

/** What an integer amount counts: thousandths (cpu) or whole units (bytes, devices). */
export type QuantityUnit = 'milli' | 'one';

export type Rounding = 'up' | 'down';

/** Longer texts are refused: no sensible amount needs more digits. */
const MAX_LENGTH = 64;

/** Beyond this power of ten a decimal exponent names nothing that exists. */
const MAX_EXPONENT = 30;

const QUANTITY = /^([+-]?)(\d*)(?:\.(\d*))?(?:([eE])([+-]?\d{1,3})|([KMGTPE]i|[numkMGTPE]))?$/;

const BINARY_SUFFIXES = ['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'] as const;

const DECIMAL_EXPONENTS: ReadonlyMap<string, number> = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);

/** Reads a quantity as Kubernetes' resource.Quantity does, but without its limits of precision. */
export function parseQuantity(text: string): Parsed<ExactQuantity> {
  const match = text.length <= MAX_LENGTH ? QUANTITY.exec(text) : null;
  const digits = (match?.[2] ?? '') + (match?.[3] ?? '');
  if (match === null || digits === '')
    return { ok: false, fault: `must be a quantity such as 500m or 4Gi, got ${shown(text)}` };

  const suffix = match[6] ?? '';
  const exponent = match[4] === undefined ? (DECIMAL_EXPONENTS.get(suffix) ?? 0) : Number(match[5]);
  if (Math.abs(exponent) > MAX_EXPONENT) {
    return { ok: false, fault: `must have an exponent within ±${MAX_EXPONENT}, got ${shown(text)}` };
  }
  const magnitude = BigInt(digits) << BigInt(10 * (binaryIndex(suffix) + 1));
  const scale = exponent - (match[3] ?? '').length;
  const power = 10n ** BigInt(Math.abs(scale));
  const signed = match[1] === '-' ? -magnitude : magnitude;
  return {
    ok: true,
    value:
      scale < 0 ? { numerator: signed, denominator: power } : { numerator: signed * power, denominator: 1n },
  };
}

/** Negative, zero or positive as `a` is less than, equal to or more than `b`. */
export function compareQuantities(a: ExactQuantity, b: ExactQuantity): number {
  const left = a.numerator * b.denominator;
  const right = b.numerator * a.denominator;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The amount as an integer number of units; refused below 0 and from 2^53 on, where doubles stop being exact. */
export function toInteger(quantity: ExactQuantity, unit: QuantityUnit, rounding: Rounding): Parsed<number> {
  const numerator = unit === 'milli' ? quantity.numerator * 1000n : quantity.numerator;
  if (numerator < 0n) return { ok: false, fault: 'must not be negative' };
  const extra = rounding === 'up' ? quantity.denominator - 1n : 0n;
  const whole = (numerator + extra) / quantity.denominator;
  if (whole > BigInt(Number.MAX_SAFE_INTEGER))
    return { ok: false, fault: 'must be less than 2^53 base units' };
  return { ok: true, value: Number(whole) };
}

/**
 * Canonical text of an integer amount: thousandths as `1500m` or whole, bytes
 * with the largest binary suffix that loses nothing when `binary` is set.
 */
export function printInteger(amount: number, unit: QuantityUnit, binary = false): string {
  if (unit === 'milli') return amount % 1000 === 0 ? String(amount / 1000) : `${amount}m`;
  if (!binary || amount === 0) return String(amount);
  let rest = amount;
  let suffix = '';
  for (const next of BINARY_SUFFIXES) {
    if (rest % 1024 !== 0) break;
    rest /= 1024;
    suffix = next;
  }
  return rest + suffix;
}

/** 0 for Ki, 1 for Mi ...; -1 for everything that is not binary. */
function binaryIndex(suffix: string): number {
  return BINARY_SUFFIXES.findIndex((candidate) => candidate === suffix);
}
