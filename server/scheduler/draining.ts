/**
 * Takes runs from executors and nodes that are being emptied, as long as they
 * are: some of them at a time, so that what is decided meanwhile about other jobs
 * waits behind no more than those.
 */
import { validRun } from '../model/job.ts';
import type { SchedulerConfig } from './config.ts';
import { drainEvents } from './decide.ts';
import { board, type Flights, isCrowded } from './flight.ts';
import { Flag, hasFlag, recordOf } from './jobs.ts';
import { drainOf } from './places.ts';
import type { State } from './state.ts';

export interface Draining {
  readonly state: State;
  readonly flights: Flights;
  readonly config: Pick<SchedulerConfig, 'maxAttempts'>;
  /** Jobs whose decision is at the store. */
  open: number;
}

const MAX_OPEN = 500;

/** Jobs that run on to their end cost little, and many at once some milliseconds. */
const MAX_LOOKED_AT = 2_000;

export function createDraining(state: State, flights: Flights, config: Draining['config']): Draining {
  return { state, flights, config, open: 0 };
}

/** Takes as many as may be under way. Returns whether more could be done right away. */
export function drain(draining: Draining, nowMs: number): boolean {
  const { state, flights } = draining;
  if (state.drained.size === 0 || isCrowded(flights)) return false;
  let left = MAX_LOOKED_AT;
  for (const job of state.drained) {
    // The next outcome wakes us.
    if (draining.open >= MAX_OPEN) return false;
    // Looked at when it is known what came of that.
    if (hasFlag(state.jobs, job, Flag.IN_FLIGHT)) continue;
    if (left-- === 0) return true;
    state.drained.delete(job);
    take(draining, job, nowMs);
  }
  return false;
}

function take(draining: Draining, job: number, nowMs: number): void {
  const { state, flights, config } = draining;
  const record = recordOf(state.jobs, job);
  const run = validRun(record);
  const request = run && drainOf(state.places, run)?.setBy;
  const { maxAttempts } = config;
  const events = request ? drainEvents(record, request, { nowMs, maxAttempts }) : [];
  if (events.length === 0) return;
  draining.open++;
  const settled = (isDone: boolean): void => {
    draining.open--;
    if (!isDone) state.drained.add(job);
  };
  board(flights, { job, record, events, settled });
}
