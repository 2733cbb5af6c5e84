/**
 * The state of the scheduler: every live job, class, queue, node and open
 * operation. It changes by the log alone: decisions come back as log entries
 * like everyone else's changes, and of two versions of a record the newer wins.
 * So the state is always one that the store has had, and what is derived from
 * an older one is refused there by version.
 *
 * While a decision is on its way the job is in flight: it stands in no lane and
 * nothing else is decided about it, until the log has shown what became of it.
 */
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import {
  type JobRecord,
  type Operation,
  type SchedulingClass,
  type StoredJob,
} from '@armada-ts/api/armada/store/v1/store';
import { isTerminal, lastRun, validRun } from '../model/job.ts';
import type { PriorityClasses } from '../model/priority-class.ts';
import { type Charges, chargeRun, createCharges, dropCharge, leaveRun } from './charges.ts';
import { returnedRuns, isDue } from './decide.ts';
import {
  Flag,
  type Jobs,
  addJob,
  createJobs,
  findJob,
  hasFlag,
  removeJob,
  setFlag,
  setRecord,
} from './jobs.ts';
import { type Queues, createQueues, ensureQueue } from './queues.ts';
import { type Classes, type JobClass, createClasses, dropClass, ensureClass } from './round/classes.ts';
import { drainOf, type Places } from './places.ts';
import { type Nodes, createNodes, nodeKey } from './round/nodes.ts';
import { type Waiting, createWaiting, lineUp, stepOut } from './round/waiting.ts';

export interface State {
  readonly priorityClasses: PriorityClasses;
  readonly nodes: Nodes;
  readonly classes: Classes;
  readonly queues: Queues;
  readonly jobs: Jobs;
  readonly waiting: Waiting;
  readonly charges: Charges;
  /** What operators have set for executors and nodes. */
  readonly places: Places;
  /** Needs of live jobs by class id, with the number of jobs. */
  readonly needs: Map<string, { source: SchedulingClass; jobs: number }>;
  /** Open operations, oldest first. */
  readonly operations: Map<string, Operation>;
  /** Jobs about which something may be decided now. */
  readonly due: Set<number>;
  /** Jobs whose run may have to be taken from a place that is being emptied. */
  readonly drained: Set<number>;
  /** Classes that have begun to wait, so that somebody may ask whether they can ever run. */
  readonly newClasses: Set<JobClass>;
  /** Number of the last entry applied, by partition. */
  readonly positions: Map<number, number>;
  /** Whether something has changed that a round could make use of. */
  isRoundDue: boolean;
}

export function createState(priorityClasses: PriorityClasses): State {
  const nodes = createNodes();
  const jobs = createJobs();
  return {
    priorityClasses,
    nodes,
    classes: createClasses(),
    queues: createQueues(),
    jobs,
    waiting: createWaiting(jobs),
    charges: createCharges(nodes),
    places: new Map(),
    needs: new Map(),
    operations: new Map(),
    due: new Set(),
    drained: new Set(),
    newClasses: new Set(),
    positions: new Map(),
    isRoundDue: false,
  };
}

/** The outcome of a decision about the job is known and applied: it takes part again. */
export function landJob(state: State, job: number): void {
  const { jobs } = state;
  setFlag(jobs, job, Flag.IN_FLIGHT, false);
  if (hasFlag(jobs, job, Flag.DUE)) state.due.add(job);
  if (hasFlag(jobs, job, Flag.QUEUED)) enterLane(state, job);
}

/** A decision about the job is on its way. */
export function launchJob(state: State, job: number): void {
  leaveLane(state, job);
  setFlag(state.jobs, job, Flag.IN_FLIGHT, true);
  state.due.delete(job);
}

export function classOfJob(state: State, job: number): JobClass {
  const found = state.classes.list[state.jobs.classIndex[job] ?? -1];
  if (found === undefined) throw new Error('a job without a class');
  return found;
}

/** Looks at the job at the next tick, whatever its record says. */
export function lookAgain(state: State, job: number): void {
  setFlag(state.jobs, job, Flag.DUE, true);
  if (!hasFlag(state.jobs, job, Flag.IN_FLIGHT)) state.due.add(job);
}

/**
 * Takes over a job as it is, unless what is known is newer.
 * @param own what is kept of the record, where it is encoded already; see kept-records.ts
 */
export function applyJob(state: State, stored: StoredJob, own?: Uint8Array): void {
  const { record, version } = stored;
  if (record === undefined) return;
  const { jobs } = state;
  const found = findJob(jobs, record.jobId);
  const known = found === -1 ? undefined : found;
  if (known !== undefined && version <= (jobs.version[known] ?? 0)) return;
  if (isTerminal(record.state)) {
    if (known !== undefined) endJob(state, known, record);
    return;
  }
  if (known !== undefined) leaveLane(state, known);
  const job = known ?? addJob(jobs, record.jobId, record);
  if (known === undefined) {
    jobs.queue[job] = ensureQueue(state.queues, record.queue);
    jobs.submittedNumber[job] = stored.submittedNumber ?? Number.NaN;
  }
  setRecord(jobs, job, stored, own);
  setClass(state, job, record);
  setRun(state, job, record);
  setFlag(jobs, job, Flag.QUEUED, record.state === JobState.QUEUED);
  setFlag(jobs, job, Flag.DUE, isDue(record));
  if (isDrained(state, record)) state.drained.add(job);
  if (!hasFlag(jobs, job, Flag.IN_FLIGHT)) landJob(state, job);
}

/** Whether the job's run is to be taken from its node. */
function isDrained({ places }: State, record: JobRecord): boolean {
  const run = places.size > 0 ? validRun(record) : undefined;
  return run !== undefined && drainOf(places, run) !== undefined;
}

function endJob(state: State, job: number, record: JobRecord): void {
  leaveLane(state, job);
  setRun(state, job, record);
  state.due.delete(job);
  state.drained.delete(job);
  leaveClass(state, job, classOfJob(state, job).source.id);
  removeJob(state.jobs, job);
}

/** The class by what the job needs and which nodes it must avoid by now. */
function setClass(state: State, job: number, record: JobRecord): void {
  const { jobs, classes } = state;
  const avoided = returnedRuns(record).map((run) => nodeKey(run.executorId, run.node));
  const before = jobs.classIndex[job] ?? -1;
  const { list } = classes;
  const { made, needs } = classFor(state, record.schedulingClass, avoided);
  if (made.index === before) return;
  made.jobs++;
  needs.jobs++;
  jobs.classIndex[job] = made.index;
  if (list[before]) releaseClass(state, list[before], record.schedulingClass);
}

/** The class of jobs with these needs that must avoid these nodes. */
export function classFor(
  state: State,
  id: string,
  avoided: readonly string[],
): { made: JobClass; needs: { jobs: number } } {
  const needs = state.needs.get(id);
  if (needs === undefined) throw new Error(`a job is of scheduling class ${id}, which the log has not shown`);
  const { source } = needs;
  const priority = state.priorityClasses.get(source.priorityClass)?.priority ?? 0;
  return { made: ensureClass(state.classes, state.nodes, { source, avoided, priority }), needs };
}

function leaveClass(state: State, job: number, id: string): void {
  const left = state.classes.list[state.jobs.classIndex[job] ?? -1];
  if (left) releaseClass(state, left, id);
}

function releaseClass(state: State, left: JobClass, id: string): void {
  left.jobs--;
  if (left.jobs === 0) {
    dropClass(state.classes, left);
    state.newClasses.delete(left);
  }
  const needs = state.needs.get(id);
  if (needs === undefined) return;
  needs.jobs--;
  if (needs.jobs === 0) state.needs.delete(id);
}

/** Charges the job's valid run, and lets go of the one before. */
function setRun(state: State, job: number, record: JobRecord): void {
  const { charges, jobs } = state;
  const run = validRun(record);
  const last = lastRun(record);
  if (run) {
    const { request } = classOfJob(state, job);
    const isAtMostOnce = record.atMostOnce;
    chargeRun(charges, run, { job, queue: jobs.queue[job] ?? 0, request, isAtMostOnce });
  }
  for (const earlier of record.runs) {
    const known = charges.byRun.get(earlier.runId);
    if (known === undefined || earlier === run || known.state === 'leaving') continue;
    leaveRun(charges, known, earlier === last && earlier.state === JobRunState.RUN_STATE_SUCCEEDED);
    state.isRoundDue = true;
  }
}

function enterLane(state: State, job: number): void {
  const { waiting, jobs } = state;
  if ((waiting.position[job] ?? -1) >= 0) return;
  const jobClass = classOfJob(state, job);
  if (!waiting.byClass.has(jobClass.index)) state.newClasses.add(jobClass);
  lineUp(waiting, job, jobs.queue[job] ?? 0, jobClass.index);
  state.isRoundDue = true;
}

function leaveLane(state: State, job: number): void {
  const { waiting, jobs } = state;
  stepOut(waiting, job, jobs.queue[job] ?? 0, jobs.classIndex[job] ?? 0);
}

/** Undoes what a round has charged for a lease that the store did not take. */
export function dropPlanned(state: State, runId: string): void {
  const planned = state.charges.byRun.get(runId);
  if (planned?.state !== 'planned') return;
  dropCharge(state.charges, planned);
  state.isRoundDue = true;
}
