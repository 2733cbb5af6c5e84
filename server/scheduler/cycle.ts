/**
 * The scheduler: state, and the tick that decides.
 *
 *     apply(entries)   the log goes into the state
 *     tick()           silence -> due jobs -> drains -> operations -> rejections -> round -> store
 *
 * A tick does what has become due and is bounded in each part, so that nothing
 * holds up the rest; it says when it wants to be called again. Between ticks
 * whoever drives it (worker.ts) hands in log entries and executor snapshots.
 * Nothing here needs a thread, a timer or a store.
 *
 * Before it leads it follows: the log goes into the state, so that it can lead at
 * once, and nothing is decided.
 */
import type { Batch, ExecutorRecord, ExecutorSettings } from '@armada-ts/api/armada/store/v1/store';
import type { ReadFleetRequest, ReadFleetResponse } from '@armada-ts/api/armada/server/v1/peers';
import type { Queue } from '@armada-ts/api/api/queue';
import type { LeaseRequest } from '@armada-ts/api/executorapi/executorapi';
import type { Clock } from '../base/clock.ts';
import { addDuration } from '../base/durations.ts';
import type { Logger } from '../base/logger.ts';
import { partitionOfSlot, placeOfJob, runId } from '../model/ids.ts';
import { timestampOf } from '../model/instant.ts';
import { validRun } from '../model/job.ts';
import type { PriorityClasses } from '../model/priority-class.ts';
import type { Positions, TailEntry } from '../store/store.ts';
import { applyEntry, applyPage, type LoadedPage } from './apply.ts';
import { isMissing, planRun } from './charges.ts';
import type { SchedulerConfig } from './config.ts';
import { decide, restMs } from './decide.ts';
import { createDraining, drain, type Draining } from './draining.ts';
import { applyExecutorControl, applySettings } from './executor-control.ts';
import {
  type Executors,
  type Now,
  createExecutors,
  isAnyHeard,
  isLostExecutor,
  recallExecutor,
  restartSilence,
  seeExecutor,
  takeUnsaved,
  watchSilence,
} from './executors.ts';
import { figuresOf, type SchedulerFigures } from './figures.ts';
import { viewFleet } from './fleet-view.ts';
import { type AppendOutcome, type Flights, board, createFlights, depart, isCrowded, land } from './flight.ts';
import { Flag, findJob, recordOf, setFlag } from './jobs.ts';
import { type Judge, createJudge, judge } from './judge.ts';
import { type Operations, createOperations, expand } from './operations.ts';
import { setQueue } from './queues.ts';
import { createRests, type Rests, restJob, takeRested } from './rests.ts';
import { type Placement, runRound } from './round/round.ts';
import { type State, createState, lookAgain } from './state.ts';
import { countScheduled, type Tally, TOOK_MS } from './tally.ts';

export interface SchedulerDeps {
  config: SchedulerConfig;
  priorityClasses: PriorityClasses;
  clock: Clock;
  /** That many random bytes, for run ids. */
  random: (size: number) => Uint8Array;
  /** Appends at most a few batches at a time; does not resolve before the outcome is known. */
  append: (batch: Batch) => Promise<AppendOutcome>;
  /** Keeps an executor's record, some time. */
  saveExecutor: (record: ExecutorRecord) => void;
  /** Asks for a tick soon. */
  wake: () => void;
  /** There is a later leader: this scheduler decides nothing any more. */
  sealed: (term: number) => void;
  tally: Tally;
  logger: Logger;
}

export interface Scheduler {
  /** Loading: positions up to which the store was read, then what it holds. */
  load(part: {
    heads?: Positions;
    queues?: Queue[];
    executors?: ExecutorRecord[];
    settings?: ExecutorSettings[];
    page?: LoadedPage;
  }): void;
  /** Log entries, each partition's in order. */
  apply(entries: readonly TailEntry[]): void;
  /** @param isRepeated it was shown to an earlier leader: of use only while this one has not heard of the executor */
  executorSeen(snapshot: LeaseRequest, isRepeated?: boolean): void;
  /** From now on this scheduler decides, in this term. Executors show themselves only to who leads: their silence begins now. */
  lead(term: number): void;
  /** What is known of executors and nodes, for people. */
  viewFleet(question: ReadFleetRequest): ReadFleetResponse;
  /** For metrics. */
  measure(): SchedulerFigures;
  /** For a while nobody could have been heard: silence counts from now. */
  restartSilence(): void;
  /** Decides what is due, once this scheduler leads. Returns the milliseconds after which it wants to be called again, at the latest. */
  tick(): number;
  readonly state: State;
}

/** Parts of a tick are bounded by these numbers of jobs. */
const MAX_DUE_A_TICK = 2_000;
const MAX_EXPANDED_A_TICK = 500;
const MAX_REJECTED_A_TICK = 1_000;

/** Nodes a round may look at: some tens of milliseconds. */
const MAX_ROUND_STEPS = 1_000_000;

/** Wakes up for silence at least this often, and takes a longer gap between ticks as deafness of its own. */
const MAX_SLEEP_MS = 5_000;
const DEAF_AFTER_MS = 20_000;

/** Rounds take at most a tenth of the time, unless maxRoundIntervalMs allows them more. */
const ROUND_REST = 10;

interface Cycle {
  readonly deps: SchedulerDeps;
  readonly state: State;
  readonly executors: Executors;
  readonly flights: Flights;
  readonly draining: Draining;
  readonly operations: Operations;
  readonly judging: Judge;
  readonly rests: Rests;
  /** Monotonic: since when it leads. */
  leadsSinceMs: number;
  lastTickMs: number;
  lastRoundMs: number;
  /** How long the last round took. */
  roundTookMs: number;
  silenceDueMs: number;
  isSealed: boolean;
}

export function createScheduler(deps: SchedulerDeps): Scheduler {
  const state = createState(deps.priorityClasses);
  const executors = createExecutors(state, deps.config, deps.logger);
  const flights = createFlights({
    state,
    append: deps.append,
    wake: deps.wake,
    sealed: (term) => {
      cycle.isSealed = true;
      deps.sealed(term);
    },
  });
  const cycle: Cycle = {
    deps,
    state,
    executors,
    flights,
    draining: createDraining(state, flights, deps.config),
    operations: createOperations(state, flights, deps.config),
    judging: createJudge(state, flights),
    rests: createRests(),
    leadsSinceMs: Number.POSITIVE_INFINITY,
    lastTickMs: 0,
    lastRoundMs: Number.NEGATIVE_INFINITY,
    roundTookMs: 0,
    silenceDueMs: 0,
    isSealed: false,
  };
  const now = (): Now => ({ elapsedMs: deps.clock.elapsed(), wallMs: deps.clock.now() });
  return {
    state,
    load({ heads = [], queues = [], executors: known = [], settings = [], page }) {
      for (const [partition, number] of heads.entries()) state.positions.set(partition, number);
      for (const queue of queues) setQueue(state.queues, queue);
      for (const record of known) recallExecutor(executors, record, now());
      for (const one of settings) applySettings(executors, one);
      if (page) applyPage(state, page);
    },
    apply(entries) {
      for (const entry of entries) {
        applyEntry(state, entry);
        if (entry.control) applyExecutorControl(executors, entry.control, now());
      }
      land(flights);
    },
    executorSeen(snapshot, isRepeated = false) {
      if (isRepeated && executors.byId.get(snapshot.executorId)?.isHeard) return;
      seeExecutor(executors, snapshot, now());
    },
    lead(term) {
      const since = now();
      flights.term = term;
      state.charges.isFollowing = false;
      cycle.leadsSinceMs = since.elapsedMs;
      cycle.lastTickMs = since.elapsedMs;
      cycle.silenceDueMs = since.elapsedMs;
      restartSilence(executors, since);
    },
    viewFleet: (question) => viewFleet(executors, question),
    measure: () => figuresOf(executors, deps.tally, deps.clock.now()),
    restartSilence: () => restartSilence(executors, now()),
    tick: () => tick(cycle, now()),
  };
}

function tick(cycle: Cycle, now: Now): number {
  if (cycle.isSealed || cycle.flights.term === undefined) return Number.POSITIVE_INFINITY;
  const { state, flights, executors, deps } = cycle;
  hearSilence(cycle, now);
  let hasMore = decideDue(cycle, now);
  hasMore = drain(cycle.draining, now.wallMs) || hasMore;
  hasMore = expand(cycle.operations, MAX_EXPANDED_A_TICK, now.wallMs) || hasMore;
  const judgeInMs = cycle.leadsSinceMs + deps.config.rejectAfterMs - now.elapsedMs;
  if (judgeInMs <= 0 && isAnyHeard(executors)) {
    hasMore = judge(cycle.judging, MAX_REJECTED_A_TICK, now.wallMs) || hasMore;
  }
  const roundInMs = state.isRoundDue ? startRound(cycle, now) : Number.POSITIVE_INFINITY;
  depart(flights);
  for (const record of takeUnsaved(executors, now)) deps.saveExecutor(record);
  if (cycle.isSealed) return Number.POSITIVE_INFINITY;
  if (hasMore && !isCrowded(flights)) return 0;
  const dueMs = Math.min(cycle.silenceDueMs, cycle.rests.nextMs);
  const sleepMs = Math.min(MAX_SLEEP_MS, dueMs - now.elapsedMs, roundInMs);
  return Math.max(0, judgeInMs > 0 ? Math.min(sleepMs, judgeInMs) : sleepMs);
}

/** Acts on executors that have gone silent, unless it was this process that could not hear. */
function hearSilence(cycle: Cycle, now: Now): void {
  const { executors, state, deps } = cycle;
  if (now.elapsedMs - cycle.lastTickMs > DEAF_AFTER_MS) {
    deps.logger.warn(
      { gapMs: now.elapsedMs - cycle.lastTickMs },
      'the scheduler was held up; silence counts anew',
    );
    restartSilence(executors, now);
  }
  cycle.lastTickMs = now.elapsedMs;
  if (now.elapsedMs < cycle.silenceDueMs) return;
  const { lost, nextMs } = watchSilence(executors, now);
  for (const job of lost) lookAgain(state, job);
  // An executor that shows itself for the first time meanwhile has at least this long.
  cycle.silenceDueMs = Math.min(nextMs, now.elapsedMs + deps.config.executorQuietMs);
}

/** Decides about jobs whose records ask for it. Returns whether there are more. */
function decideDue(cycle: Cycle, now: Now): boolean {
  const { state, flights, executors, rests, deps } = cycle;
  for (const id of takeRested(rests, now.elapsedMs)) {
    const job = findJob(state.jobs, id);
    if (job !== -1) lookAgain(state, job);
  }
  let left = MAX_DUE_A_TICK;
  for (const job of state.due) {
    if (left-- === 0) return true;
    state.due.delete(job);
    const record = recordOf(state.jobs, job);
    const run = validRun(record);
    const isRunLost =
      run !== undefined &&
      (isLostExecutor(executors, run.executorId) ||
        isMissing(state.charges.byRun.get(run.runId), now.elapsedMs));
    const { maxAttempts } = deps.config;
    const events = decide(record, { nowMs: now.wallMs, maxAttempts, isRunLost });
    if (events.length > 0) {
      board(flights, { job, record, events });
      continue;
    }
    setFlag(state.jobs, job, Flag.DUE, false);
    const waitMs = restMs(record, now.wallMs);
    if (waitMs > 0) restJob(rests, record.jobId, now.elapsedMs + waitMs);
  }
  return false;
}

/** Runs a round if it is time. Returns the milliseconds until the next one is. */
function startRound(cycle: Cycle, now: Now): number {
  const { state, flights, deps } = cycle;
  // A cheap round need not be waited for: rest ten times what the last one took.
  const restMs = Math.min(deps.config.maxRoundIntervalMs, ROUND_REST * cycle.roundTookMs);
  const waitMs = cycle.lastRoundMs + restMs - now.elapsedMs;
  if (waitMs > 0) return waitMs;
  // The store is behind: its next answer wakes us.
  if (isCrowded(flights)) return Number.POSITIVE_INFINITY;
  state.isRoundDue = false;
  cycle.lastRoundMs = now.elapsedMs;
  const limits = { maxPlacements: deps.config.roundMaxPlacements, maxSteps: MAX_ROUND_STEPS };
  const plan = runRound(state, limits);
  cycle.roundTookMs = deps.clock.elapsed() - now.elapsedMs;
  addDuration(deps.tally.rounds, TOOK_MS, cycle.roundTookMs);
  if (plan.placements.length > 0) {
    const random = deps.random(16 * plan.placements.length);
    for (const [index, placement] of plan.placements.entries()) {
      lease(cycle, placement, random.subarray(16 * index, 16 * (index + 1)), now.wallMs);
    }
  }
  if (plan.isComplete) return Number.POSITIVE_INFINITY;
  state.isRoundDue = true;
  cycle.lastRoundMs = Number.NEGATIVE_INFINITY;
  return 0;
}

/** Turns a placement into the decision that leases it. */
function lease(cycle: Cycle, placement: Placement, random: Uint8Array, nowMs: number): void {
  const { state, flights } = cycle;
  const { job, node, jobClass, queue } = placement;
  const facts = state.nodes.facts[node];
  if (facts === undefined) throw new Error('a job was placed on no node');
  const record = recordOf(state.jobs, job);
  const { executorId, name, pool } = facts;
  const { slot } = placeOfJob(record.jobId);
  const id = runId(slot, random);
  const decidedAtNumber = state.positions.get(partitionOfSlot(slot, state.positions.size)) ?? 0;
  const { request } = jobClass;
  planRun(state.charges, { runId: id, executorId, node, queue, request, job, decidedAtNumber });
  const value = {
    jobId: record.jobId,
    runId: id,
    executorId,
    nodeId: name,
    pool,
    updateSequenceNumber: 2 * record.runs.length + 1,
    hasScheduledAtPriority: true,
    scheduledAtPriority: jobClass.priority,
    podRequirementsOverlay: undefined,
  };
  const events = [{ event: { $case: 'jobRunLeased' as const, value }, created: timestampOf(nowMs) }];
  board(flights, { job, record, events, runId: id });
  countScheduled(cycle.deps.tally, record.queue, jobClass.source.priorityClass);
}
