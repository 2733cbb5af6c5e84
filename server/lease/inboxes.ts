/**
 * What each executor is to do: the runs it should hold, and the runs it should
 * stop. Kept in memory by every server, made from job records: from the active
 * ones at start, then from the log. Deciding nothing, an inbox can always be
 * made again.
 *
 * A lease is offered until its executor shows the run (in a request, or by a
 * report); an offer that was not answered within some seconds is made again,
 * same run id, same executor. A run is stopped only on positive evidence: its
 * record says that it was cancelled, preempted, expired or superseded, or that
 * somebody asked for its cancellation. A run that no record knows is left alone
 * (design invariant I7) and counted as an orphan.
 */
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import type { JobRecord, RunRecord, StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { isTerminal, lastRun, validRun } from '../model/job.ts';

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
  /**
   * Runs to offer now: held by nobody, not asked to be cancelled, and not
   * offered within the last seconds. Marks them as offered.
   */
  takeOffers(shown: ReadonlySet<string>, limit: number, nowMs: number): Assignment[];
  /** Runs to stop that were offered or shown and are not known to be gone. */
  takeStops(): string[];
  /** Notes what the executor says it holds; a run it no longer shows needs no stopping. */
  show(shown: ReadonlySet<string>): void;
  /** Forgets which offers were made: a new stream may never have seen them. */
  forgetOffers(): void;
  /** Calls back, once for many changes, when there may be something to offer or stop. Returns the way out. */
  subscribe(listener: () => void): () => void;
}

export interface Inboxes {
  /** Takes records as the log tells them; older versions than known are skipped. */
  apply(jobs: readonly StoredJob[]): void;
  /** Forgets all other jobs: they have ended while the log was not followed. */
  retain(jobIds: ReadonlySet<string>): void;
  inbox(executorId: string): Inbox;
}

/** How long an offer may go unanswered. The heartbeat of our executors is 5 s, that of Go executors too. */
const OFFER_AGAIN_MS = 8_000;

interface InboxState {
  executorId: string;
  runs: Map<string, Assignment>;
  offeredAt: Map<string, number>;
  /** Runs whose end the executor does not know of. */
  stops: Set<string>;
  /** Runs the executor has shown. */
  shown: ReadonlySet<string>;
  listeners: Set<() => void>;
  notifying: boolean;
}

export function createInboxes(): Inboxes {
  const states = new Map<string, InboxState>();
  /** Version and executor of the newest run of every job that holds one. */
  const known = new Map<string, { version: number; runId: string; executorId: string }>();

  const stateOf = (executorId: string): InboxState => {
    let state = states.get(executorId);
    if (!state) {
      state = {
        executorId,
        runs: new Map(),
        offeredAt: new Map(),
        stops: new Set(),
        shown: new Set(),
        listeners: new Set(),
        notifying: false,
      };
      states.set(executorId, state);
    }
    return state;
  };

  return {
    apply(jobs) {
      for (const { record, version } of jobs) {
        if (!record) continue;
        const before = known.get(record.jobId);
        if (before && before.version >= version) continue;
        const run = validRun(record);
        if (before && before.runId !== run?.runId) {
          withdraw(stateOf(before.executorId), before.runId, endedByItself(record, before.runId));
        }
        if (run) {
          known.set(record.jobId, { version, runId: run.runId, executorId: run.executorId });
          assign(stateOf(run.executorId), { job: record, run });
        } else {
          known.delete(record.jobId);
        }
      }
    },
    retain(jobIds) {
      for (const [jobId, { executorId, runId }] of known) {
        if (jobIds.has(jobId)) continue;
        known.delete(jobId);
        // If its executor still shows the run, the record says whether to stop it.
        withdraw(stateOf(executorId), runId, true);
      }
    },
    inbox: (executorId) => openInbox(stateOf(executorId)),
  };
}

function openInbox(state: InboxState): Inbox {
  return {
    executorId: state.executorId,
    runs: state.runs,
    takeOffers(shown, limit, nowMs) {
      const offers: Assignment[] = [];
      for (const [runId, assignment] of state.runs) {
        if (offers.length >= limit) break;
        if (shown.has(runId) || assignment.job.cancel || mustNotRepeat(assignment)) continue;
        const offeredAt = state.offeredAt.get(runId);
        if (offeredAt !== undefined && nowMs - offeredAt < OFFER_AGAIN_MS) continue;
        state.offeredAt.set(runId, nowMs);
        offers.push(assignment);
      }
      return offers;
    },
    takeStops() {
      const stops = [...state.stops];
      state.stops.clear();
      return stops;
    },
    show(shown) {
      state.shown = shown;
      for (const [runId, assignment] of state.runs) {
        // Shown and to be cancelled: say so again until it is gone.
        if (shown.has(runId) && assignment.job.cancel) state.stops.add(runId);
      }
    },
    forgetOffers: () => state.offeredAt.clear(),
    subscribe(listener) {
      state.listeners.add(listener);
      return () => state.listeners.delete(listener);
    },
  };
}

function assign(state: InboxState, assignment: Assignment): void {
  const { runId } = assignment.run;
  const isNew = !state.runs.has(runId);
  state.runs.set(runId, assignment);
  if (assignment.job.cancel && wasSeen(state, runId)) state.stops.add(runId);
  else if (!isNew) return;
  notify(state);
}

function withdraw(state: InboxState, runId: string, byItself: boolean): void {
  state.runs.delete(runId);
  if (!byItself && wasSeen(state, runId)) {
    state.stops.add(runId);
    notify(state);
  }
  state.offeredAt.delete(runId);
}

/** Whether the executor may hold the run. */
function wasSeen(state: InboxState, runId: string): boolean {
  return state.offeredAt.has(runId) || state.shown.has(runId);
}

/** A started run that its executor forgot may be started again, unless the job forbids it. */
function mustNotRepeat({ job, run }: Assignment): boolean {
  return job.atMostOnce && run.state !== JobRunState.RUN_STATE_LEASED;
}

/** Whether the run's own report ended it, so that its executor knows. */
function endedByItself(record: JobRecord, runId: string): boolean {
  return !isStopReason(record, runId);
}

/**
 * Whether the record is positive evidence that the run must not go on: it, or
 * its job, was cancelled, preempted or given up, or another run took its place.
 */
export function isStopReason(record: JobRecord, runId: string): boolean {
  const run = record.runs.find((one) => one.runId === runId);
  if (!run) return false;
  if (run !== lastRun(record) || record.cancel) return true;
  if (isTerminal(record.state) && run.finishedAtMs === undefined) return true;
  return (
    record.state === JobState.CANCELLED ||
    record.state === JobState.PREEMPTED ||
    run.state === JobRunState.RUN_STATE_CANCELLED ||
    run.state === JobRunState.RUN_STATE_PREEMPTED ||
    run.state === JobRunState.RUN_STATE_LEASE_EXPIRED
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
