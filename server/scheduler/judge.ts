/**
 * Rejects jobs that can never run. Judged is a whole class, against every node
 * seen within the hour, as if it were empty; again when nodes have changed, and
 * not for each job.
 *
 * Nobody is judged before the scheduler has run for rejectAfterMs and has heard
 * of an executor: right after a start the node that a job is made for may be a
 * few seconds away, and a rejection is for good. Jobs of cordoned queues wait
 * unjudged, for nothing is decided about them anyway.
 */
import type { Error as RunError } from '@armada-ts/api/armadaevents/armadaevents';
import { lastRun } from '../model/job.ts';
import { failEvents, lastWords } from './decide.ts';
import { type Flights, board } from './flight.ts';
import { recordOf } from './jobs.ts';
import { type JobClass, reconcile } from './round/classes.ts';
import { explainNever, findCapable, isCapable } from './round/verdict.ts';
import type { State } from './state.ts';

export interface Judge {
  readonly state: State;
  readonly flights: Flights;
  /** Of each class found capable: a node that could take it. */
  readonly witness: WeakMap<JobClass, number>;
  readonly hopeless: Set<JobClass>;
  /** Version of the nodes that the verdicts are about. */
  version: number;
}

export function createJudge(state: State, flights: Flights): Judge {
  return { state, flights, witness: new WeakMap(), hopeless: new Set(), version: -1 };
}

/** Rejects up to `limit` jobs. Returns whether there are more. */
export function judge(judging: Judge, limit: number, nowMs: number): boolean {
  const { state } = judging;
  reconcile(state.classes, state.nodes);
  const haveNodesChanged = judging.version !== state.nodes.version;
  judging.version = state.nodes.version;
  const asked = haveNodesChanged ? waitingClasses(state) : state.newClasses;
  if (haveNodesChanged) judging.hopeless.clear();
  for (const jobClass of asked) {
    if (!isHopeful(judging, jobClass)) judging.hopeless.add(jobClass);
  }
  state.newClasses.clear();
  let left = limit;
  for (const jobClass of judging.hopeless) {
    const lanes = state.waiting.byClass.get(jobClass.index);
    if (state.classes.list[jobClass.index] !== jobClass || lanes === undefined) {
      judging.hopeless.delete(jobClass);
      continue;
    }
    left -= rejectLanes(judging, jobClass, left, nowMs);
    if (left === 0) return true;
  }
  return false;
}

function* waitingClasses(state: State): Iterable<JobClass> {
  for (const index of state.waiting.byClass.keys()) {
    const jobClass = state.classes.list[index];
    if (jobClass) yield jobClass;
  }
}

function isHopeful(judging: Judge, jobClass: JobClass): boolean {
  const { nodes } = judging.state;
  const known = judging.witness.get(jobClass);
  if (known !== undefined && isCapable(jobClass, nodes, known)) return true;
  const found = findCapable(jobClass, nodes);
  if (found === -1) return false;
  judging.witness.set(jobClass, found);
  return true;
}

function rejectLanes(judging: Judge, jobClass: JobClass, limit: number, nowMs: number): number {
  const { state, flights } = judging;
  let rejected = 0;
  let why: string | undefined;
  for (const lane of state.waiting.byClass.get(jobClass.index)?.values() ?? []) {
    if (state.queues.held[lane.queue] === 1) continue;
    for (const job of lane.jobs.items.slice(0, limit - rejected)) {
      why ??= explainNever(jobClass, state.nodes);
      const record = recordOf(state.jobs, job);
      const run = jobClass.avoided.size > 0 ? lastRun(record) : undefined;
      const reason: RunError['reason'] = run
        ? {
            $case: 'maxRunsExceeded',
            value: { message: `No node is left to try. ${why}. ${lastWords(run)}` },
          }
        : { $case: 'jobRejected', value: { message: why } };
      board(flights, { job, record, events: failEvents(record, reason, nowMs) });
      rejected++;
    }
  }
  return rejected;
}
