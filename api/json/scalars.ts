/**
 * Scalars and enums between JSON and messages. Writers follow what Armada's
 * REST gateway writes, with enums by name; readers accept a little more. A
 * reader that finds a fault notes it and gives any value of the right type:
 * the message is thrown away at the end.
 */
import { describeEnum, type EnumValue, type FieldDescriptor, type ScalarType } from './descriptors.ts';
import { addFault, addMismatch, type Reading, showValue, type Trail } from './faults.ts';

export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

export type ValueReader = (json: unknown, reading: Reading) => unknown;
export type ValueWriter = (value: unknown, trail: Trail) => JsonValue;

/** More names than this make a message nobody reads. */
const maxListedNames = 12;

const scalarReaders: Record<ScalarType, ValueReader> = {
  string: readText,
  bool: readBoolean,
  bytes: readBytes,
  double: readDouble,
  int32: integerReader(-(2 ** 31), 2 ** 31 - 1),
  uint32: integerReader(0, 2 ** 32 - 1),
  int64: bigintReader(-(2n ** 63n), 2n ** 63n - 1n),
  uint64: bigintReader(0n, 2n ** 64n - 1n),
};

const asIs: ValueWriter = (value) => value as JsonValue;

const scalarWriters: Record<ScalarType, ValueWriter> = {
  string: asIs,
  bool: asIs,
  bytes: (value) => Buffer.from(value as Uint8Array).toString('base64'),
  double: (value) => (Number.isFinite(value) ? (value as number) : String(value)),
  int32: asIs,
  uint32: asIs,
  int64: writeBigint,
  uint64: writeBigint,
};

const zeros: Record<ScalarType | 'enum', unknown> = {
  string: '',
  bool: false,
  bytes: Buffer.alloc(0),
  double: 0,
  int32: 0,
  uint32: 0,
  int64: 0n,
  uint64: 0n,
  enum: 0,
};

/** For any field but one of messages. */
export function scalarReader({ type, typeName }: FieldDescriptor): ValueReader {
  if (type === 'message') throw new TypeError(`${typeName} is no scalar`);
  return type === 'enum' ? enumReader(typeName) : scalarReaders[type];
}

/** For any field but one of messages. */
export function scalarWriter({ type, typeName }: FieldDescriptor): ValueWriter {
  if (type === 'message') throw new TypeError(`${typeName} is no scalar`);
  return type === 'enum' ? enumWriter(typeName) : scalarWriters[type];
}

/** What a field has when it is not on the wire; undefined for messages. */
export function zeroOf({ type }: FieldDescriptor): unknown {
  return type === 'message' ? undefined : zeros[type];
}

/** Whether the value is one that an implicit field does not put on the wire; NaN is none. */
export function isZero(value: unknown): boolean {
  if (typeof value === 'object') return value instanceof Uint8Array && value.length === 0;
  return !value && !Number.isNaN(value);
}

export function isInt32(json: unknown): json is number {
  return typeof json === 'number' && Number.isInteger(json) && json >= -(2 ** 31) && json < 2 ** 31;
}

function readText(json: unknown, reading: Reading): string {
  if (typeof json !== 'string') {
    const isScalar = typeof json === 'number' || typeof json === 'boolean';
    addMismatch(reading, isScalar ? 'text (in quotes)' : 'text', json);
    return '';
  }
  if (!json.isWellFormed()) addFault(reading, 'expected text, got half of a surrogate pair in it');
  return json;
}

function readBoolean(json: unknown, reading: Reading): boolean {
  if (typeof json !== 'boolean') addMismatch(reading, 'true or false', json);
  return json === true;
}

function readBytes(json: unknown, reading: Reading): Uint8Array {
  if (typeof json !== 'string' || json.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(json)) {
    addMismatch(reading, 'bytes as base64 text with padding', json);
    return Buffer.alloc(0);
  }
  return Buffer.from(json, 'base64');
}

/** A number too large for a double arrives here as infinite, hence refused; infinity itself is written as text. */
function readDouble(json: unknown, reading: Reading): number {
  if (typeof json === 'number' && Number.isFinite(json)) return json;
  if (json === 'NaN' || json === 'Infinity' || json === '-Infinity') return Number(json);
  addMismatch(reading, 'a number', json);
  return 0;
}

function integerReader(min: number, max: number): ValueReader {
  return (json, reading) => {
    if (typeof json === 'number' && Number.isInteger(json) && json >= min && json <= max) return json + 0;
    addMismatch(reading, `a whole number from ${min} to ${max}`, json);
    return 0;
  };
}

/** JSON numbers lose digits from 2^53 on before we see them, so such numbers must come as text. */
function bigintReader(min: bigint, max: bigint): ValueReader {
  return (json, reading) => {
    if (typeof json === 'number' && Number.isSafeInteger(json) && (json >= 0 || min < 0n))
      return BigInt(json);
    if (typeof json === 'string' && /^-?[0-9]{1,20}$/.test(json)) {
      const value = BigInt(json);
      if (value >= min && value <= max) return value;
    }
    const mustQuote = typeof json === 'number' && Number.isInteger(json) && !Number.isSafeInteger(json);
    const range = `a whole number from ${min} to ${max}`;
    addMismatch(reading, mustQuote ? `${range}, in quotes from ${2 ** 53} on` : range, json);
    return 0n;
  };
}

function writeBigint(value: unknown): JsonValue {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : String(value);
}

/**
 * Full and short names, in any case, and numbers. A newer peer may know more
 * values; who passes over unknown keys takes those numbers as they are.
 */
function enumReader(typeName: string): ValueReader {
  const values = describeEnum(typeName);
  const numbers = new Set(values.map(({ number }) => number));
  const byName = new Map<string, number>();
  for (const { number, name, shortName } of values) {
    byName.set(name.toLowerCase(), number);
    byName.set(shortName.toLowerCase(), number);
  }
  return (json, reading) => {
    if (typeof json === 'string') {
      const number = byName.get(json.toLowerCase());
      if (number !== undefined) return number;
    } else if (
      typeof json === 'number' &&
      (numbers.has(json) || (reading.unknown === 'ignore' && isInt32(json)))
    ) {
      return json;
    }
    addMismatch(reading, `one of ${listNames(values)}`, json);
    return 0;
  };
}

function listNames(values: readonly EnumValue[]): string {
  const names = values.slice(0, maxListedNames).map(({ shortName }) => showValue(shortName));
  return names.join(', ') + (values.length > maxListedNames ? ', ...' : '');
}

/** By short name, which is also what Armada writes where it writes names at all; a future value by number. */
function enumWriter(typeName: string): ValueWriter {
  const names = new Map(describeEnum(typeName).map(({ number, shortName }) => [number, shortName]));
  return (value) => names.get(value as number) ?? (value as number);
}
