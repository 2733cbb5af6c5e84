/**
 * What each executor is to do: the runs it should hold, and the runs it should
 * stop. Kept in memory by every server, made from job records: from the active
 * ones at start, then from the log. Deciding nothing, an inbox can always be
 * made again.
 *
 * A lease is offered until its executor shows the run; an offer that was not
 * answered within some seconds, or that went to a stream which is gone, is made
 * again, same run id, same executor. A run is stopped only on positive evidence:
 * its record says that it was cancelled, preempted, drained, expired or superseded, or
 * that somebody asked for that. A run that no record knows is left
 * alone (design invariant I7) and counted as an orphan.
 *
 * What an executor is told is not remembered beyond its stream: what it shows is
 * compared with the records anew, so nothing is lost with a stream or a server.
 */
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import type { JobRecord, RunRecord, StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { isTerminal, lastRun, validRun } from '../model/job.ts';
import { DRAINED } from '../model/run-error.ts';

/** A run an executor is to start. */
export interface Assignment {
  job: JobRecord;
  run: RunRecord;
}

/** The work of one executor. */
export interface Inbox {
  readonly executorId: string;
  /** Runs to hold, by run id. */
  readonly runs: ReadonlyMap<string, Assignment>;
  /** Of the runs it showed last, how many no record knows. */
  orphans: number;
  /**
   * Runs to offer now: held by nobody, not asked to be stopped, and not offered
   * within the last seconds. Marks them as offered.
   */
  takeOffers(limit: number, nowMs: number): Assignment[];
  /** Runs to stop that were offered or shown and are not known to be gone. */
  takeStops(): string[];
  /** Notes what the executor says it holds; a run it no longer shows needs no stopping. */
  show(shown: ReadonlySet<string>): void;
  /** Lets all offers be made again at once: a new stream may never have seen them. */
  forgetOffers(): void;
  /** Calls back, once for many changes, when there may be something to offer or stop. Returns the way out. */
  subscribe(listener: () => void): () => void;
}

export interface Inboxes {
  /** Takes records as the log tells them; older versions than known are skipped. */
  apply(jobs: readonly StoredJob[]): void;
  /** A job that holds a run, as it was when the log told of it last: by now there may be a newer record. */
  held(jobId: string): StoredJob | undefined;
  /** Forgets all other jobs: they have ended while the log was not followed. */
  retain(jobIds: ReadonlySet<string>): void;
  /** Offers nothing until resumed: for a while the log tells what is older than the records known already. */
  pause(): void;
  resume(): void;
  /** The inbox of an executor, for one stream, which must release it. */
  inbox(executorId: string): Inbox;
  /** The stream has ended. An executor that has no other, and nothing to hold, is forgotten. */
  release(inbox: Inbox): void;
}

/** How long an offer may go unanswered. The heartbeat of our executors is 5 s, that of Go executors too. */
const OFFER_AGAIN_MS = 8_000;

interface InboxState {
  executorId: string;
  runs: Map<string, Assignment>;
  /**
   * Those of `runs` that the executor does not show, in the order they came,
   * and when each was offered last; undefined when it was not.
   */
  unseen: Map<string, number | undefined>;
  /** Runs whose end the executor does not know of. */
  stops: Set<string>;
  /** Runs the executor has shown. */
  shown: ReadonlySet<string>;
  orphans: number;
  /** Streams that have this inbox. */
  streams: number;
  listeners: Set<() => void>;
  notifying: boolean;
}

export function createInboxes(): Inboxes {
  const states = new Map<string, InboxState>();
  /** Every job that holds a run, with the newest one. */
  const known = new Map<string, { stored: StoredJob; runId: string; executorId: string }>();
  let isPaused = false;

  const stateOf = (executorId: string): InboxState => {
    let state = states.get(executorId);
    if (!state) {
      state = emptyState(executorId);
      states.set(executorId, state);
    }
    return state;
  };
  const forgetIdle = (state: InboxState): void => {
    if (state.runs.size === 0 && state.streams === 0 && state.orphans === 0) {
      states.delete(state.executorId);
    }
  };
  const takeAway = (executorId: string, runId: string, byItself: boolean): void => {
    const state = states.get(executorId);
    if (!state) return;
    withdraw(state, runId, byItself);
    forgetIdle(state);
  };

  return {
    apply(jobs) {
      for (const stored of jobs) {
        const { record, version } = stored;
        if (!record) continue;
        const before = known.get(record.jobId);
        if (before && before.stored.version >= version) continue;
        const run = validRun(record);
        if (before && before.runId !== run?.runId) {
          takeAway(before.executorId, before.runId, !isStopReason(record, before.runId));
        }
        if (run) {
          known.set(record.jobId, { stored, runId: run.runId, executorId: run.executorId });
          assign(stateOf(run.executorId), { job: record, run });
        } else {
          known.delete(record.jobId);
        }
      }
    },
    held: (jobId) => known.get(jobId)?.stored,
    retain(jobIds) {
      for (const [jobId, { executorId, runId }] of known) {
        if (jobIds.has(jobId)) continue;
        known.delete(jobId);
        // If its executor still shows the run, the record says whether to stop it.
        takeAway(executorId, runId, true);
      }
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      for (const state of states.values()) notify(state);
    },
    inbox(executorId) {
      const state = stateOf(executorId);
      state.streams++;
      return openInbox(state, () => isPaused);
    },
    release({ executorId }) {
      const state = states.get(executorId);
      if (!state || --state.streams > 0) return;
      // The next stream compares what is shown with the records, which say the same.
      state.stops.clear();
      forgetIdle(state);
    },
  };
}

function emptyState(executorId: string): InboxState {
  return {
    executorId,
    runs: new Map(),
    unseen: new Map(),
    stops: new Set(),
    shown: new Set(),
    orphans: 0,
    streams: 0,
    listeners: new Set(),
    notifying: false,
  };
}

function openInbox(state: InboxState, isPaused: () => boolean): Inbox {
  return {
    executorId: state.executorId,
    runs: state.runs,
    get orphans() {
      return state.orphans;
    },
    set orphans(count) {
      state.orphans = count;
    },
    takeOffers: (limit, nowMs) => (isPaused() ? [] : takeOffers(state, limit, nowMs)),
    takeStops() {
      const stops = [...state.stops];
      state.stops.clear();
      return stops;
    },
    show: (shown) => show(state, shown),
    forgetOffers() {
      for (const [runId, offeredAtMs] of state.unseen) {
        if (offeredAtMs !== undefined) state.unseen.set(runId, Number.NEGATIVE_INFINITY);
      }
    },
    subscribe(listener) {
      state.listeners.add(listener);
      return () => state.listeners.delete(listener);
    },
  };
}

function takeOffers(state: InboxState, limit: number, nowMs: number): Assignment[] {
  const offers: Assignment[] = [];
  for (const [runId, offeredAtMs] of state.unseen) {
    if (offers.length >= limit) break;
    const assignment = state.runs.get(runId);
    if (!assignment || isStopAsked(assignment.job) || mustNotRepeat(assignment)) continue;
    if (offeredAtMs !== undefined && nowMs - offeredAtMs < OFFER_AGAIN_MS) continue;
    state.unseen.set(runId, nowMs);
    offers.push(assignment);
  }
  return offers;
}

function show(state: InboxState, shown: ReadonlySet<string>): void {
  for (const runId of state.shown) {
    if (!shown.has(runId) && state.runs.has(runId)) state.unseen.set(runId, undefined);
  }
  state.shown = shown;
  for (const runId of shown) {
    state.unseen.delete(runId);
    const held = state.runs.get(runId);
    // Shown and to be stopped: say so again until it is gone.
    if (held && isStopAsked(held.job)) state.stops.add(runId);
  }
}

function assign(state: InboxState, assignment: Assignment): void {
  const { runId } = assignment.run;
  const isNew = !state.runs.has(runId);
  state.runs.set(runId, assignment);
  if (isNew && !state.shown.has(runId)) state.unseen.set(runId, undefined);
  if (isStopAsked(assignment.job) && wasSeen(state, runId)) state.stops.add(runId);
  else if (!isNew) return;
  notify(state);
}

function withdraw(state: InboxState, runId: string, byItself: boolean): void {
  state.runs.delete(runId);
  if (!byItself && wasSeen(state, runId)) {
    state.stops.add(runId);
    notify(state);
  }
  state.unseen.delete(runId);
}

/** Whether somebody asked for the end of the job's run; the scheduler's word follows. */
function isStopAsked(job: JobRecord): boolean {
  return job.cancel !== undefined || job.preempt !== undefined;
}

/** Whether the executor may hold the run. */
function wasSeen(state: InboxState, runId: string): boolean {
  return state.unseen.get(runId) !== undefined || state.shown.has(runId);
}

/** A started run that its executor forgot may be started again, unless the job forbids it. */
function mustNotRepeat({ job, run }: Assignment): boolean {
  return job.atMostOnce && run.state !== JobRunState.RUN_STATE_LEASED;
}

/**
 * Whether the record is positive evidence that the run must not go on: it, or
 * its job, was cancelled, preempted, drained or given up, or another run took
 * its place.
 */
export function isStopReason(record: JobRecord, runId: string): boolean {
  const run = record.runs.find((one) => one.runId === runId);
  if (!run) return false;
  if (run !== lastRun(record) || isStopAsked(record)) return true;
  if (isTerminal(record.state) && run.finishedAtMs === undefined) return true;
  return (
    record.state === JobState.CANCELLED ||
    record.state === JobState.PREEMPTED ||
    run.state === JobRunState.RUN_STATE_CANCELLED ||
    run.state === JobRunState.RUN_STATE_PREEMPTED ||
    run.state === JobRunState.RUN_STATE_LEASE_EXPIRED ||
    (run.state === JobRunState.RUNS_STATE_LEASE_RETURNED && run.error?.failureCategory === DRAINED)
  );
}

function notify(state: InboxState): void {
  if (state.notifying) return;
  state.notifying = true;
  queueMicrotask(() => {
    state.notifying = false;
    for (const listener of state.listeners) listener();
  });
}
