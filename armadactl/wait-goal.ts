import { ExitCode } from './exit-codes.ts';
import {
  isFinal,
  type JobSetProgress,
  outcomeExitCode,
  WATCHED_STATES,
  type WatchedState,
} from './job-set-progress.ts';
import type { WaitOptions } from './wait-options.ts';

/** How far some jobs are from what is waited for. */
export interface Standing {
  /** Jobs that are there. */
  arrived: number;
  /** Jobs that ended elsewhere, and will not come. */
  missed: number;
  total: number;
}

export function standing({ states }: JobSetProgress, { for: goal }: WaitOptions): Standing {
  let arrived = 0;
  let missed = 0;
  for (const state of states.values()) {
    if (hasArrived(state, goal)) arrived += 1;
    else if (isFinal(state)) missed += 1;
  }
  return { arrived, missed, total: states.size };
}

/** Whoever succeeded has passed through every state before; of other ends nobody knows how far they came. */
function hasArrived(state: WatchedState, goal: WatchedState | undefined): boolean {
  if (goal === undefined) return isFinal(state);
  if (isFinal(goal)) return state === goal;
  if (isFinal(state) && state !== 'succeeded') return goal === 'submitted' || goal === 'queued';
  return WATCHED_STATES.indexOf(state) >= WATCHED_STATES.indexOf(goal);
}

export function isOver({ arrived, missed, total }: Standing, { any = false }: WaitOptions): boolean {
  return total > 0 && (arrived + missed === total || (any && arrived > 0));
}

/** What the shell is told when the wait is over. */
export function waitExitCode(progress: JobSetProgress, options: WaitOptions): number {
  const { missed, arrived } = standing(progress, options);
  if (options.for === undefined) return outcomeExitCode(progress);
  if (missed === 0 || (options.any && arrived > 0)) return ExitCode.ok;
  return outcomeExitCode(progress) || ExitCode.failed;
}
