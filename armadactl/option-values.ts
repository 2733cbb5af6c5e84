import { JobState } from '@armada-ts/api/api/job';
import { InvalidArgumentError } from 'commander';
import { usageFailure } from './failure.ts';

/** Lists are given by repeating the option, by commas, or both. */
export function addToList(value: string, list: readonly string[] = []): string[] {
  return [...list, ...value.split(',').filter((part) => part !== '')];
}

/** As `addToList`, of `key=value`. */
export function addToMap(value: string, map: ReadonlyMap<string, string> = new Map()): Map<string, string> {
  const pairs = addToList(value).map(parsePair);
  return new Map([...map, ...pairs]);
}

/** As `addToMap`, but one pair at a time: the value may contain commas. */
export function addPair(value: string, map: ReadonlyMap<string, string> = new Map()): Map<string, string> {
  const [key, rest] = parsePair(value);
  return new Map([...map, [key, rest]]);
}

/** The value may contain further equal signs, as in environment variables. */
function parsePair(text: string): [string, string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Expected key=value.');
  return [text.slice(0, equals), text.slice(equals + 1)];
}

export function parsePriority(text: string): number {
  const priority = toNumber(text);
  if (!(priority >= 0)) throw new InvalidArgumentError('Expected a number, 0 or more.');
  return priority;
}

export function parsePriorityFactor(text: string): number {
  const factor = toNumber(text);
  if (!(factor >= 1)) throw new InvalidArgumentError('Expected a number, 1 or more.');
  return factor;
}

export function parseByteCount(text: string): number {
  const bytes = toNumber(text);
  if (!Number.isSafeInteger(bytes) || bytes < 1)
    throw new InvalidArgumentError('Expected a number of bytes.');
  return bytes;
}

export function parseCount(text: string): number {
  const count = toNumber(text);
  if (!Number.isSafeInteger(count) || count < 0)
    throw new InvalidArgumentError('Expected a number, 0 or more.');
  return count;
}

function toNumber(text: string): number {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(number) ? number : Number.NaN;
}

/**
 * What of a job set can be cancelled apart. Servers treat all jobs that have
 * left the queue as one kind, so that no finer choice is offered here: asked
 * for the pending ones, they would cancel the running ones too.
 */
const CANCELLABLE: ReadonlyMap<string, readonly JobState[]> = new Map([
  ['queued', [JobState.QUEUED]],
  ['running', [JobState.PENDING, JobState.RUNNING]],
]);

export function parseJobStates(names: readonly string[]): JobState[] {
  return [...new Set(names)].flatMap((name) => {
    const states = CANCELLABLE.get(name.toLowerCase());
    if (!states) throw usageFailure(`--state must be queued, running or both, got "${name}"`);
    return states;
  });
}

/** The states that `get jobs` shows, by the names it shows them under. */
const LISTED: ReadonlyMap<string, JobState> = new Map(
  Object.entries(JobState)
    .filter(([, state]) => state !== JobState.UNKNOWN && state !== JobState.SUBMITTED)
    .map(([name, state]) => [name.toLowerCase(), state]),
);

export function parseListedStates(names: readonly string[]): JobState[] {
  return parseStates('--state', names, LISTED);
}

const LIVE = new Map(
  [...LISTED].filter(([name]) => ['queued', 'leased', 'pending', 'running'].includes(name)),
);

/** States of jobs that have not ended. */
export function parseLiveStates(names: readonly string[]): JobState[] {
  return parseStates('--job-states', names, LIVE);
}

function parseStates(
  option: string,
  names: readonly string[],
  known: ReadonlyMap<string, JobState>,
): JobState[] {
  return [...new Set(names)].map((name) => {
    const state = known.get(name.toLowerCase());
    if (state !== undefined) return state;
    throw usageFailure(`${option} must be among ${[...known.keys()].join(', ')}, got "${name}"`);
  });
}

export function listedStateNames(): string[] {
  return [...LISTED.keys()];
}
