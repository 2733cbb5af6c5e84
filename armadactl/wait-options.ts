import { InvalidArgumentError, type Command } from 'commander';
import { parseDuration } from '@armada-ts/client/profile';
import { nearNames } from '@armada-ts/api/json/near-names';
import { WATCHED_STATES, type WatchedState } from './job-set-progress.ts';

export interface WaitOptions {
  /** The end, whatever it is, when left out. */
  for?: WatchedState;
  /** Milliseconds. */
  timeout?: number;
  any?: boolean;
}

export function addWaitOptions(command: Command): Command {
  return command
    .option('--for <state>', 'what to wait for, such as running or succeeded (default: the end)', parseState)
    .option('--timeout <duration>', 'give up after that, as 30s, 10m or 1h30m', parseTimeout)
    .option('--any', 'stop as soon as one of them is there');
}

function parseState(text: string): WatchedState {
  const state = WATCHED_STATES.find((candidate) => candidate === text.toLowerCase());
  if (state !== undefined) return state;
  const [near] = nearNames(text, WATCHED_STATES);
  throw new InvalidArgumentError(
    near === undefined ? `Expected one of ${WATCHED_STATES.join(', ')}.` : `Did you mean ${near}?`,
  );
}

function parseTimeout(text: string): number {
  const timeoutMs = parseDuration(text);
  if (timeoutMs === undefined || timeoutMs === 0)
    throw new InvalidArgumentError('Expected a duration such as 90s.');
  return timeoutMs;
}
