/**
 * Requests about many jobs: one durable operation, made into decisions about
 * single jobs a chunk at a time, so that an operation on a million jobs holds up
 * nobody. An operation is about jobs of one queue: a job set of it or all, and
 * of these the ones that pass its filter.
 *
 * Meant are the jobs that the log created before it opened the operation, and
 * where it is about runs, those whose lease was decided by who had not yet seen
 * it. Where numbers do not tell, because the store does not say which entry
 * created a job or because another leader has leased its run around the request,
 * two servers' clocks are compared. The operation is closed when every job meant has been dealt with; a
 * new leader begins again, and what was done already is not there any more, or
 * is as it should be.
 */
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import type { JobRecord, Operation, RunRecord } from '@armada-ts/api/armada/store/v1/store';
import { JobState as FilterState } from '@armada-ts/api/armadaevents/armadaevents';
import { instantOf } from '../model/instant.ts';
import { type Event, lastRun, validRun } from '../model/job.ts';
import type { SchedulerConfig } from './config.ts';
import { cancelEvents, decide, preemptEvents, reprioritiseEvents } from './decide.ts';
import { type Flights, board, boardClosing, isCrowded } from './flight.ts';
import { Flag, findJob, hasFlag, idOf, jobsOfQueue, jobsOfSet, recordOf } from './jobs.ts';
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
  readonly config: Pick<SchedulerConfig, 'maxAttempts'>;
  readonly expansions: Map<string, Expansion>;
  /** Counts the times that operations went on. */
  turn: number;
}

/**
 * Most jobs of operations whose decisions are at the store: what is decided
 * meanwhile about other jobs waits behind no more than these. With 2,000 a set
 * of 100,000 is cancelled in half the time, and other jobs take three times as
 * long.
 */
const MAX_OPEN = 500;

/** Finding the jobs of an operation counts as much as deciding about one for each so many looked at. */
const LOOKED_AT_PER_JOB = 1_000;

/** The batch that closes an operation is one of its own, and costs the store as much as one with so many jobs. */
const JOBS_PER_CLOSING = 50;

/** Of many operations at once each gets at least so many jobs in its turn. */
const LEAST_SHARE = 50;

export function createOperations(state: State, flights: Flights, config: Operations['config']): Operations {
  return { state, flights, config, expansions: new Map(), turn: 0 };
}

/**
 * Goes on with the open operations for up to `limit` jobs. Returns whether more
 * could be done right away.
 */
export function expand(operations: Operations, limit: number, nowMs: number): boolean {
  const { state, flights, expansions } = operations;
  if (state.operations.size === 0 || isCrowded(flights)) return false;
  let open = 0;
  for (const expansion of expansions.values()) open += expansion.open;
  let left = Math.min(limit, MAX_OPEN - open);
  const isHeldUp = left < limit;
  const ready = independent(state);
  const share = Math.max(LEAST_SHARE, Math.ceil(left / ready.length));
  // Another one is first each time, so that none waits for all before it.
  const first = operations.turn++ % ready.length;
  let hasMoved = false;
  for (const operation of [...ready.slice(first), ...ready.slice(0, first)]) {
    if (left <= 0) break;
    const { spent, waited } = advance(operations, operation, Math.min(share, left), nowMs);
    left -= spent;
    hasMoved ||= spent > waited;
  }
  // Jobs that wait for other decisions about them are worth another look once those have landed.
  return left <= 0 && !isHeldUp && hasMoved;
}

/**
 * The operations that wait for no older one: two that may mean the same jobs go
 * one after the other, for of two new priorities the later counts.
 */
function independent(state: State): Operation[] {
  const queues = new Set<string>();
  const sets = new Set<string>();
  const byAge = [...state.operations.values()].sort((a, b) => a.openedAtNumber - b.openedAtNumber);
  return byAge.filter(({ queue, jobSet }) => {
    const isFree =
      jobSet === '' ? !queues.has(queue) : !sets.has(`${queue}\0`) && !sets.has(`${queue}\0${jobSet}`);
    queues.add(queue);
    sets.add(`${queue}\0${jobSet}`);
    return isFree;
  });
}

/**
 * Goes on with one operation, and closes it when it is done. Returns what that
 * counts as, in jobs, and how many of them had to wait.
 */
function advance(
  operations: Operations,
  operation: Operation,
  limit: number,
  nowMs: number,
): { spent: number; waited: number } {
  const { state, flights, expansions } = operations;
  let spent = 0;
  let expansion = expansions.get(operation.id);
  if (expansion === undefined) {
    const begun = begin(state, operation);
    spent += Math.ceil(begun.lookedAt / LOOKED_AT_PER_JOB);
    expansion = begun.expansion;
    expansions.set(operation.id, expansion);
  }
  const later: string[] = [];
  while (spent < limit && expansion.todo.length > 0) {
    spent++;
    const id = expansion.todo.pop() ?? '';
    if (!handle(operations, expansion, id, nowMs)) later.push(id);
  }
  expansion.todo.push(...later);
  if (expansion.todo.length === 0 && expansion.open === 0) {
    expansions.delete(operation.id);
    state.operations.delete(operation.id);
    boardClosing(flights, operation.queue, operation.id);
    spent += JOBS_PER_CLOSING;
  }
  return { spent, waited: later.length };
}

function begin(state: State, operation: Operation): { expansion: Expansion; lookedAt: number } {
  const { jobs } = state;
  const requestedMs = instantOf(operation.event?.created);
  const { found, lookedAt } = candidates(state, operation);
  const meant = found.filter((job) => {
    const created = jobs.submittedNumber[job] ?? Number.NaN;
    if (!Number.isNaN(created)) return created < operation.openedAtNumber;
    return (jobs.submittedAtMs[job] ?? 0) <= requestedMs;
  });
  const todo = meant.map((job) => idOf(jobs, job));
  return { expansion: { operation, todo, open: 0 }, lookedAt };
}

/** Live jobs among which are all that the operation can mean, by the shortest way to them. */
function candidates(state: State, operation: Operation): { found: number[]; lookedAt: number } {
  const { jobs, queues, charges } = state;
  const { queue, jobSet, filter } = operation;
  if (jobSet !== '') {
    const found = jobsOfSet(jobs, queue, jobSet);
    return { found, lookedAt: found.length };
  }
  const index = queues.byName.get(queue);
  if (index === undefined) return { found: [], lookedAt: 0 };
  if (filter === undefined || filter.executorId === '') {
    return { found: jobsOfQueue(jobs, index), lookedAt: jobs.length };
  }
  const charged = [...(charges.byExecutor.get(filter.executorId) ?? [])];
  // A lease on its way to the store is a run there by the time it is looked at.
  const held = charged.filter((one) => one.state !== 'leaving' && one.queue === index);
  const found = held.map((one) => one.job);
  return { found, lookedAt: charged.length };
}

/** Decides about one job; false when it must wait because something else about it is on its way. */
function handle(operations: Operations, expansion: Expansion, id: string, nowMs: number): boolean {
  const { state, flights } = operations;
  const job = findJob(state.jobs, id);
  if (job === -1) return true;
  if (hasFlag(state.jobs, job, Flag.IN_FLIGHT)) return false;
  const record = recordOf(state.jobs, job);
  const events = eventsFor(operations, expansion.operation, record, nowMs);
  if (events.length === 0) return true;
  expansion.open++;
  const settled = (isDone: boolean): void => {
    expansion.open--;
    if (!isDone) expansion.todo.push(id);
  };
  board(flights, { job, record, events, settled });
  return true;
}

function eventsFor(
  { state, config }: Operations,
  operation: Operation,
  record: JobRecord,
  nowMs: number,
): Event[] {
  const what = operation.event?.event;
  const { requestor } = operation;
  if (what === undefined || !passes(state, operation, record)) return [];
  const isFinished = lastRun(record)?.state === JobRunState.RUN_STATE_SUCCEEDED;
  switch (what.$case) {
    case 'cancelJobSet':
      if (isFinished || !isInState(what.value.states, record)) return [];
      return cancelEvents(record, { requestor, reason: what.value.reason }, nowMs);
    case 'cancelJob':
      return isFinished ? [] : cancelEvents(record, { requestor, reason: what.value.reason }, nowMs);
    case 'jobPreemptionRequested': {
      const run = lastRun(record);
      const isAfter = run !== undefined && isLeasedAfter(state, operation, record, run);
      if (isFinished || isAfter || !isPreemptible(state, record)) return [];
      return preemptEvents(record, { requestor, reason: what.value.reason }, nowMs);
    }
    case 'jobRunErrors':
      return decide(record, { nowMs, maxAttempts: config.maxAttempts, isRunLost: true });
    case 'reprioritiseJobSet': {
      const { priority } = what.value;
      return record.priority === priority ? [] : reprioritiseEvents(record, { priority, requestor }, nowMs);
    }
    default:
      return [];
  }
}

/** Whether the job is in one of the states that a job set's request names; none named means all. */
function isInState(states: readonly FilterState[], record: JobRecord): boolean {
  if (states.length === 0) return true;
  if (record.state === JobState.QUEUED) return states.includes(FilterState.QUEUED);
  return states.includes(FilterState.PENDING) || states.includes(FilterState.RUNNING);
}

/** Whether whoever leased the run had seen the operation: where it is then, it is not because nobody asked yet. */
function isLeasedAfter(
  { charges, jobs }: State,
  { openedAtNumber, event }: Operation,
  { jobId }: JobRecord,
  { runId, leasedAtMs }: RunRecord,
): boolean {
  const decidedAtNumber = charges.byRun.get(runId)?.decidedAtNumber;
  if (decidedAtNumber !== undefined) return decidedAtNumber >= openedAtNumber;
  const version = jobs.version[findJob(jobs, jobId)] ?? 0;
  return version > openedAtNumber && leasedAtMs > instantOf(event?.created);
}

function passes(state: State, operation: Operation, record: JobRecord): boolean {
  const { filter } = operation;
  if (filter === undefined) return true;
  const { states, priorityClasses, pools, executorId, node } = filter;
  if (states.length > 0 && !states.includes(record.state)) return false;
  if (priorityClasses.length > 0 && !priorityClasses.includes(priorityClassOf(state, record))) return false;
  if (pools.length === 0 && executorId === '') return true;
  const run = validRun(record);
  if (run === undefined || isLeasedAfter(state, operation, record, run)) return false;
  if (pools.length > 0 && !pools.includes(run.pool)) return false;
  return (executorId === '' || run.executorId === executorId) && (node === '' || run.node === node);
}

function isPreemptible(state: State, record: JobRecord): boolean {
  return state.priorityClasses.get(priorityClassOf(state, record))?.preemptible === true;
}

function priorityClassOf(state: State, record: JobRecord): string {
  return state.needs.get(record.schedulingClass)?.source.priorityClass ?? '';
}
