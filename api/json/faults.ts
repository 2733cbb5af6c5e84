/**
 * What is wrong with a JSON value, told so that whoever wrote it finds the
 * place: the path, what was expected, what is there. Reading goes on after a
 * fault, so one attempt shows them all, up to a bound.
 */

/** More than this help nobody, and every fault costs memory. */
const maxFaults = 20;

/** Bounds JSON text, and JSON that is carried as it is, without a message type; guards the stack. */
export const maxLevels = 100;

const maxShownCharacters = 60;

export interface JsonFault {
  /** From the root, with the keys as written there, such as `jobs[3].podSpec.containers[0].image`; empty for the root. */
  readonly path: string;
  /** Expectation and what was found, without a full stop. */
  readonly message: string;
}

/** Thrown when a JSON value does not fit the message type, or a message has no JSON form. */
export class JsonError extends Error {
  readonly faults: readonly JsonFault[];
  /** Of the first fault. */
  readonly path: string;
  /** Whether reading stopped because there were too many faults to list. */
  readonly isCut: boolean;

  constructor(faults: readonly JsonFault[], isCut = false) {
    const lines = faults.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`));
    if (isCut) lines.push('there are more faults, not listed here');
    super(lines.join('\n'));
    this.name = 'JsonError';
    this.faults = faults;
    this.path = faults[0]?.path ?? '';
    this.isCut = isCut;
  }
}

/** Where a walk over a value is, and what it has found wrong. Who pushes to the path pops again. */
export interface Trail {
  readonly path: (string | number)[];
  readonly faults: JsonFault[];
}

export interface Reading extends Trail {
  /** Whether keys and enum numbers that the contract does not know are faults or passed over. */
  readonly unknown: 'error' | 'ignore';
}

/** Notes a fault at the current place. Throws JsonError once there are more than the bound. */
export function addFault(trail: Trail, message: string): void {
  if (trail.faults.length >= maxFaults) throw new JsonError(trail.faults, true);
  trail.faults.push({ path: renderPath(trail.path), message });
}

export function addMismatch(trail: Trail, expectation: string, found: unknown): void {
  addFault(trail, `expected ${expectation}, got ${showValue(found)}`);
}

/** Notes a fault when the current place is nested too deeply to go on. */
export function isTooDeep(trail: Trail): boolean {
  if (trail.path.length < maxLevels) return false;
  addFault(trail, `nested more than ${maxLevels} levels deep`);
  return true;
}

export function throwFaults(trail: Trail): void {
  if (trail.faults.length > 0) throw new JsonError(trail.faults);
}

/** Short, on one line, and harmless on a terminal. */
export function showValue(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'an object';
  return String(value);
}

function quote(text: string): string {
  const shown = text.length > maxShownCharacters ? `${text.slice(0, maxShownCharacters)}...` : text;
  return escapeHidden(JSON.stringify(shown));
}

/** The text with what a terminal would act upon spelled out. */
export function escapeHidden(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

function renderPath(path: readonly (string | number)[]): string {
  let rendered = '';
  for (const part of path) {
    if (typeof part === 'number') rendered += `[${part}]`;
    else if (!/^[A-Za-z_][A-Za-z0-9_-]{0,59}$/.test(part)) rendered += `[${quote(part)}]`;
    else rendered += rendered === '' ? part : `.${part}`;
  }
  return rendered;
}
