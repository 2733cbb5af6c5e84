/**
 * Decisions on their way to the store. Decisions about the jobs of one queue
 * travel together; batches of different queues know nothing of each other. A
 * job stays in flight until the log has shown what became of its batch: the
 * entry that holds it, or the entry that overtook it.
 */
import type { Batch, JobRecord } from '@armada-ts/api/armada/store/v1/store';
import type { EventSequence } from '@armada-ts/api/armadaevents/armadaevents';
import type { Event } from '../model/job.ts';
import { SCHEDULER_USER, applyAll } from './decide.ts';
import { findJob } from './jobs.ts';
import { type State, dropPlanned, landJob, launchJob } from './state.ts';

/** What follows for one job. */
export interface Decision {
  job: number;
  record: JobRecord;
  events: Event[];
  /** The run it leases, if it does. */
  runId?: string;
  /** Told whether it is done, or the job must be looked at again. */
  settled?: (isDone: boolean) => void;
}

/** What became of a batch. A batch whose outcome is not known is appended again by the caller, not given up. */
export type AppendOutcome =
  /** The log entry that it is now. */
  | { outcome: 'applied'; partition: number; number: number }
  /** Nothing was done: these jobs have other versions by now. */
  | { outcome: 'stale'; partition: number; versions: ReadonlyMap<string, number> }
  /** Nothing was done: there is a later leader. */
  | { outcome: 'sealed'; term: number };

interface Departure {
  batch: Batch;
  aboard: { job: number; id: string; decision: Decision }[];
}

/** Jobs that take part again once the log has been applied up to there. */
interface Landing {
  partition: number;
  number: number;
  job: number;
  id: string;
  runId: string | undefined;
}

export interface Flights {
  readonly state: State;
  /** Of this leader; undefined while another leads. */
  term: number | undefined;
  readonly append: (batch: Batch) => Promise<AppendOutcome>;
  /** Something outside of a tick has changed. */
  readonly wake: () => void;
  readonly sealed: (term: number) => void;
  /** By queue, not yet in a batch. */
  readonly boarding: Map<string, Decision[]>;
  /** Operations that are done. */
  readonly closing: { queue: string; id: string }[];
  readonly departures: Departure[];
  landings: Landing[];
  inFlight: number;
}

const MAX_JOBS_A_BATCH = 500;

/** Batches that may be at the store at once; the rest wait here. */
const MAX_BATCHES_IN_FLIGHT = 16;

export function createFlights(deps: Pick<Flights, 'state' | 'append' | 'wake' | 'sealed'>): Flights {
  return {
    ...deps,
    term: undefined,
    boarding: new Map(),
    closing: [],
    departures: [],
    landings: [],
    inFlight: 0,
  };
}

/** Takes the job out of play and its decision on board. */
export function board(flights: Flights, decision: Decision): void {
  launchJob(flights.state, decision.job);
  const { queue } = decision.record;
  const aboard = flights.boarding.get(queue);
  if (aboard) aboard.push(decision);
  else flights.boarding.set(queue, [decision]);
}

/** Marks an operation as done, after everything decided for it. */
export function boardClosing(flights: Flights, queue: string, id: string): void {
  flights.closing.push({ queue, id });
}

/** Whether the store is so far behind that new placements should wait. */
export function isCrowded(flights: Flights): boolean {
  return flights.departures.length >= MAX_BATCHES_IN_FLIGHT;
}

/** Sends what is on board, as far as the store takes it now. */
export function depart(flights: Flights): void {
  for (const decisions of flights.boarding.values()) {
    for (let from = 0; from < decisions.length; from += MAX_JOBS_A_BATCH) {
      flights.departures.push(departureOf(flights, decisions.slice(from, from + MAX_JOBS_A_BATCH)));
    }
  }
  flights.boarding.clear();
  for (const { queue, id } of flights.closing.splice(0)) {
    flights.departures.push({ batch: { ...emptyBatch(flights, queue), closed: [id] }, aboard: [] });
  }
  while (flights.inFlight < MAX_BATCHES_IN_FLIGHT) {
    const next = flights.departures.shift();
    if (next === undefined) return;
    flights.inFlight++;
    send(flights, next);
  }
}

/** Lets jobs land whose entry has been applied. Call after the log has moved on. */
export function land(flights: Flights): void {
  const { state } = flights;
  if (flights.landings.length === 0) return;
  flights.landings = flights.landings.filter((one) => {
    if ((state.positions.get(one.partition) ?? 0) < one.number) return true;
    if (one.runId !== undefined) dropPlanned(state, one.runId);
    if (findJob(state.jobs, one.id) === one.job) landJob(state, one.job);
    return false;
  });
}

function send(flights: Flights, departure: Departure): void {
  const arrived = (outcome: AppendOutcome): void => {
    flights.inFlight--;
    arrive(flights, departure, outcome);
    flights.wake();
  };
  // An append that throws has no outcome: the caller ends this scheduler.
  void flights.append(departure.batch).then(arrived);
}

function arrive(flights: Flights, { aboard }: Departure, outcome: AppendOutcome): void {
  if (outcome.outcome === 'sealed') {
    flights.sealed(outcome.term);
    return;
  }
  for (const { job, id, decision } of aboard) {
    const isDone = outcome.outcome === 'applied';
    // A job of a refused batch that was not overtaken itself is free at once.
    const number = isDone ? outcome.number : (outcome.versions.get(id) ?? 0);
    flights.landings.push({ partition: outcome.partition, number, job, id, runId: decision.runId });
    decision.settled?.(isDone);
  }
  land(flights);
}

function departureOf(flights: Flights, decisions: Decision[]): Departure {
  const { jobs } = flights.state;
  const [first] = decisions;
  const batch = emptyBatch(flights, first?.record.queue ?? '');
  const bySet = new Map<string, EventSequence>();
  for (const { job, record, events } of decisions) {
    let sequence = bySet.get(record.jobSet);
    if (sequence === undefined) {
      sequence = {
        queue: record.queue,
        jobSetName: record.jobSet,
        userId: SCHEDULER_USER,
        groups: [],
        events: [],
      };
      bySet.set(record.jobSet, sequence);
      batch.sequences.push(sequence);
    }
    sequence.events.push(...events);
    batch.changed.push({ record: applyAll(record, events), expectedVersion: jobs.version[job] ?? 0 });
  }
  return {
    batch,
    aboard: decisions.map((decision) => ({ job: decision.job, id: decision.record.jobId, decision })),
  };
}

function emptyBatch(flights: Flights, queue: string): Batch {
  if (flights.term === undefined) throw new Error('a decision of a scheduler that does not lead');
  return {
    queue,
    term: flights.term,
    sequences: [],
    submitted: [],
    changed: [],
    classes: [],
    opened: [],
    closed: [],
  };
}
