/**
 * Set-wide operations: one durable request, made into decisions about single
 * jobs a chunk at a time, so that a set of a million jobs holds up nobody.
 *
 * Meant are the jobs that the log created before it opened the operation. Where
 * the store does not say which entry created a job, the job's submit time is
 * compared with the request's. The request is closed when every job meant has
 * been dealt with; a new leader begins again, and what was done already is not
 * there any more, or is as it should be.
 */
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import type { JobRecord, Operation } from '@armada-ts/api/armada/store/v1/store';
import { JobState as FilterState } from '@armada-ts/api/armadaevents/armadaevents';
import { instantOf } from '../model/instant.ts';
import { type Event, lastRun } from '../model/job.ts';
import { cancelEvents, reprioritiseEvents } from './decide.ts';
import { type Flights, board, boardClosing } from './flight.ts';
import { Flag, hasFlag, jobsOfSet, recordOf } from './jobs.ts';
import type { State } from './state.ts';

/** An operation under way. */
interface Expansion {
  readonly operation: Operation;
  /** Ids of jobs to deal with yet. */
  todo: string[];
  /** Jobs whose decision is at the store. */
  open: number;
}

export interface Operations {
  readonly state: State;
  readonly flights: Flights;
  readonly expansions: Map<string, Expansion>;
}

export function createOperations(state: State, flights: Flights): Operations {
  return { state, flights, expansions: new Map() };
}

/**
 * Goes on with the open operations for up to `limit` jobs. Returns whether more
 * could be done right away.
 */
export function expand(operations: Operations, limit: number, nowMs: number): boolean {
  const { state, flights, expansions } = operations;
  let left = limit;
  for (const operation of state.operations.values()) {
    const expansion = expansions.get(operation.id) ?? begin(operations, operation);
    const later: string[] = [];
    while (left > 0 && expansion.todo.length > 0) {
      left--;
      const id = expansion.todo.pop() ?? '';
      if (!handle(operations, expansion, id, nowMs)) later.push(id);
    }
    expansion.todo.push(...later);
    if (expansion.todo.length === 0 && expansion.open === 0) {
      expansions.delete(operation.id);
      state.operations.delete(operation.id);
      boardClosing(flights, operation.queue, operation.id);
    }
    if (left === 0) return true;
  }
  return false;
}

function begin(operations: Operations, operation: Operation): Expansion {
  const { state } = operations;
  const { jobs } = state;
  const requestedMs = instantOf(operation.event?.created);
  const meant = jobsOfSet(jobs, operation.queue, operation.jobSet).filter((job) => {
    const created = jobs.submittedNumber[job] ?? Number.NaN;
    if (!Number.isNaN(created)) return created < operation.openedAtNumber;
    return (jobs.submittedAtMs[job] ?? 0) <= requestedMs;
  });
  const expansion: Expansion = {
    operation,
    todo: meant.map((job) => jobs.ids[job] ?? ''),
    open: 0,
  };
  operations.expansions.set(operation.id, expansion);
  return expansion;
}

/** Decides about one job; false when it must wait because something else about it is on its way. */
function handle(operations: Operations, expansion: Expansion, id: string, nowMs: number): boolean {
  const { state, flights } = operations;
  const job = state.jobs.byId.get(id);
  if (job === undefined) return true;
  if (hasFlag(state.jobs, job, Flag.IN_FLIGHT)) return false;
  const record = recordOf(state.jobs, job);
  const events = eventsFor(expansion.operation, record, nowMs);
  if (events.length === 0) return true;
  expansion.open++;
  const settled = (isDone: boolean): void => {
    expansion.open--;
    if (!isDone) expansion.todo.push(id);
  };
  board(flights, { job, record, events, settled });
  return true;
}

function eventsFor(operation: Operation, record: JobRecord, nowMs: number): Event[] {
  const what = operation.event?.event;
  const { requestor } = operation;
  if (what?.$case === 'cancelJobSet') {
    const isFinished = lastRun(record)?.state === JobRunState.RUN_STATE_SUCCEEDED;
    if (isFinished || !isMeant(what.value.states, record)) return [];
    return cancelEvents(record, { requestor, reason: what.value.reason }, nowMs);
  }
  if (what?.$case === 'reprioritiseJobSet' && record.priority !== what.value.priority) {
    return reprioritiseEvents(record, { priority: what.value.priority, requestor }, nowMs);
  }
  return [];
}

/** Whether the job is in one of the states asked for; none asked for means all. */
function isMeant(states: readonly FilterState[], record: JobRecord): boolean {
  if (states.length === 0) return true;
  if (record.state === JobState.QUEUED) return states.includes(FilterState.QUEUED);
  return states.includes(FilterState.PENDING) || states.includes(FilterState.RUNNING);
}
