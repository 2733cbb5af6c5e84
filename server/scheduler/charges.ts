/**
 * What is charged to nodes, run by run (design invariant I6).
 *
 *     planned -> valid -> leaving -> gone
 *
 * A run is *planned* while its lease is on the way to the store, *valid* while
 * it may act for its job, and *leaving* from then until its executor no longer
 * shows it: a cancelled run may still use its node, so its room is given to
 * nobody. The exception is a run of which its executor itself says that nothing
 * is left, by reporting that it succeeded or by showing it as ended: its room is
 * free at once, and it is only remembered, so that a snapshot that is older does
 * not make it look unknown.
 *
 * Executors show themselves to the leader alone. While another server leads, a
 * run that may no longer act is forgotten at once, as if it had been loaded after
 * that: a new leader finds what is still stopping by what its node shows.
 */
import { JobRunState } from '@armada-ts/api/api/job';
import type { RunRecord } from '@armada-ts/api/armada/store/v1/store';
import { type NodeFacts, type Nodes, charge, dropNode, nodeKey, putNode, release } from './round/nodes.ts';

export interface Charge {
  readonly runId: string;
  readonly executorId: string;
  readonly node: number;
  readonly queue: number;
  readonly request: Float64Array;
  /** Up to which entry of its partition this leader knew the log when it decided the lease; undefined for another's. */
  readonly decidedAtNumber: number | undefined;
  /** Index of the job, -1 once the run is leaving. */
  job: number;
  state: 'planned' | 'valid' | 'leaving';
  /** Whether the node's room is taken. */
  takesRoom: boolean;
  /** Whether its executor has shown it. */
  wasShown: boolean;
  /** Whether its executor has shown that it ended there. */
  hasEnded: boolean;
  /** Snapshots without it since it began to leave. */
  missed: number;
  /** It has started, and its job may start only once: nothing but its executor can go on with it. */
  isIrreplaceable: boolean;
  /** Monotonic: since when its executor shows itself without it; undefined while it shows it. */
  missingSinceMs: number | undefined;
}

export interface Charges {
  readonly nodes: Nodes;
  readonly byRun: Map<string, Charge>;
  readonly byExecutor: Map<string, Set<Charge>>;
  readonly byNode: Map<number, Set<Charge>>;
  /** The runs of each executor that are leaving. */
  readonly leaving: Map<string, Set<Charge>>;
  /** Whether another server leads. */
  isFollowing: boolean;
}

/** A run that was never shown is gone after this many snapshots without it: the first may be older than the run's end. */
const SNAPSHOTS_IF_NEVER_SHOWN = 2;

export function createCharges(nodes: Nodes): Charges {
  return {
    nodes,
    byRun: new Map(),
    byExecutor: new Map(),
    byNode: new Map(),
    leaving: new Map(),
    isFollowing: true,
  };
}

/** Remembers a run the round has charged already. */
export function planRun(
  charges: Charges,
  run: Pick<Charge, 'runId' | 'executorId' | 'node' | 'queue' | 'request' | 'job' | 'decidedAtNumber'>,
): Charge {
  const planned: Charge = {
    ...run,
    state: 'planned',
    takesRoom: true,
    wasShown: false,
    hasEnded: false,
    missed: 0,
    isIrreplaceable: false,
    missingSinceMs: undefined,
  };
  addTo(charges.byExecutor, run.executorId, planned);
  addTo(charges.byNode, run.node, planned);
  charges.byRun.set(run.runId, planned);
  return planned;
}

/** Charges the valid run of a job, unless it is charged already. */
export function chargeRun(
  charges: Charges,
  run: RunRecord,
  job: { job: number; queue: number; request: Float64Array; isAtMostOnce: boolean },
): Charge {
  const isIrreplaceable = job.isAtMostOnce && run.state !== JobRunState.RUN_STATE_LEASED;
  const known = charges.byRun.get(run.runId);
  if (known) {
    known.state = 'valid';
    known.job = job.job;
    known.isIrreplaceable = isIrreplaceable;
    return known;
  }
  const node = ensureNode(charges.nodes, run);
  charge(charges.nodes, node, job.queue, job.request);
  const { runId, executorId } = run;
  const made = planRun(charges, {
    runId,
    executorId,
    node,
    job: job.job,
    queue: job.queue,
    request: job.request,
    decidedAtNumber: undefined,
  });
  made.state = 'valid';
  made.isIrreplaceable = isIrreplaceable;
  return made;
}

/** The run may no longer act for its job. */
export function leaveRun(charges: Charges, leaver: Charge, hasSucceeded: boolean): void {
  if (leaver.state === 'leaving') return;
  if (charges.isFollowing) {
    dropCharge(charges, leaver);
    return;
  }
  leaver.state = 'leaving';
  leaver.job = -1;
  leaver.missed = 0;
  addTo(charges.leaving, leaver.executorId, leaver);
  if (hasSucceeded || leaver.hasEnded) freeRoom(charges, leaver);
}

/** Nothing of the run is left, or it never was. */
export function dropCharge(charges: Charges, gone: Charge): void {
  freeRoom(charges, gone);
  charges.byRun.delete(gone.runId);
  deleteFrom(charges.byExecutor, gone.executorId, gone);
  deleteFrom(charges.byNode, gone.node, gone);
  deleteFrom(charges.leaving, gone.executorId, gone);
  const { nodes } = charges;
  if (nodes.facts[gone.node]?.isGone && !charges.byNode.has(gone.node)) dropNode(nodes, gone.node);
}

/** The runs that an executor shows: those it holds, and those that have ended there. */
export interface ShownRuns {
  readonly held: ReadonlySet<string>;
  readonly ended: ReadonlySet<string>;
}

/**
 * Lets go of the leaving runs that have ended at their executor, or that it does
 * not show any more; returns whether there were any that took room.
 */
export function settleShown(charges: Charges, executorId: string, { held, ended }: ShownRuns): boolean {
  let hasRoom = false;
  for (const runId of held) {
    const known = charges.byRun.get(runId);
    if (known) known.wasShown = true;
  }
  for (const runId of ended) {
    const known = charges.byRun.get(runId);
    if (known?.executorId !== executorId) continue;
    known.wasShown = true;
    known.hasEnded = true;
  }
  for (const leaver of charges.leaving.get(executorId) ?? []) {
    if (held.has(leaver.runId)) {
      leaver.missed = 0;
      continue;
    }
    leaver.missed++;
    if (!leaver.wasShown && leaver.missed < SNAPSHOTS_IF_NEVER_SHOWN) continue;
    hasRoom ||= leaver.takesRoom;
    dropCharge(charges, leaver);
  }
  return hasRoom;
}

/** A run is missing when its executor has not shown it for this long: reports on their way have arrived by then. */
const MISSING_AFTER_MS = 60_000;

/**
 * Notes which runs the executor should show and does not, and returns the jobs
 * of those that are missing. Only started runs of at-most-once jobs can be: any
 * other is leased to its executor again until it has it.
 */
export function findMissing(
  charges: Charges,
  executorId: string,
  { held, ended }: ShownRuns,
  nowMs: number,
): number[] {
  const jobs: number[] = [];
  for (const one of charges.byExecutor.get(executorId) ?? []) {
    if (!one.isIrreplaceable || one.state !== 'valid') continue;
    if (held.has(one.runId) || ended.has(one.runId)) one.missingSinceMs = undefined;
    else one.missingSinceMs ??= nowMs;
    if (isMissing(one, nowMs)) jobs.push(one.job);
  }
  return jobs;
}

export function isMissing(one: Charge | undefined, nowMs: number): boolean {
  return one?.missingSinceMs !== undefined && nowMs - one.missingSinceMs >= MISSING_AFTER_MS;
}

/** Changes a node under the runs charged to it. */
export function replaceNode(charges: Charges, facts: NodeFacts): number {
  const { nodes } = charges;
  const known = nodes.byKey.get(nodeKey(facts.executorId, facts.name));
  const held =
    known === undefined ? [] : [...(charges.byNode.get(known) ?? [])].filter((one) => one.takesRoom);
  for (const one of held) release(nodes, one.node, one.queue, one.request);
  const node = putNode(nodes, facts);
  for (const one of held) charge(nodes, node, one.queue, one.request);
  return node;
}

/** The run's node, which need not have been shown yet: after a restart runs are loaded before executors report. */
function ensureNode(nodes: Nodes, run: RunRecord): number {
  const known = nodes.byKey.get(nodeKey(run.executorId, run.node));
  if (known !== undefined) return known;
  return putNode(nodes, goneNode(run.executorId, run.node, run.pool));
}

/** A node that is known only by the runs charged to it. */
export function goneNode(executorId: string, name: string, pool: string): NodeFacts {
  return { executorId, name, pool, labels: new Map(), taints: [], capacity: new Map(), isGone: true };
}

function freeRoom(charges: Charges, one: Charge): void {
  if (!one.takesRoom) return;
  one.takesRoom = false;
  release(charges.nodes, one.node, one.queue, one.request);
}

function addTo<K>(sets: Map<K, Set<Charge>>, key: K, one: Charge): void {
  const set = sets.get(key);
  if (set) set.add(one);
  else sets.set(key, new Set([one]));
}

function deleteFrom<K>(sets: Map<K, Set<Charge>>, key: K, one: Charge): void {
  const set = sets.get(key);
  set?.delete(one);
  if (set?.size === 0) sets.delete(key);
}
