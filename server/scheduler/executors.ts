/**
 * Executors and their nodes, as they show themselves.
 *
 * An executor is *live* while it has been heard of within executorQuietMs; only
 * live ones get new jobs. After executorLostMs of silence its runs are given
 * up, after executorForgottenMs (and with no valid run) it is forgotten.
 * Silence is measured on this process's monotonic clock and begins anew when
 * the scheduler starts or when it may have been deaf itself (design section 5).
 *
 * A node may hold runs that nobody here knows: orphans of lost data, or runs
 * that ended before a restart and are still stopping. They take what the node
 * says that jobs use beyond the known runs; a node that does not say gets
 * nothing new until they are gone.
 */
import { JobState } from '@armada-ts/api/api/job';
import { ExecutorRecord } from '@armada-ts/api/armada/store/v1/store';
import type { LeaseRequest, NodeInfo } from '@armada-ts/api/executorapi/executorapi';
import type { Logger } from '../base/logger.ts';
import {
  dropCharge,
  findMissing,
  goneNode,
  leaveRun,
  replaceNode,
  settleShown,
  type ShownRuns,
} from './charges.ts';
import type { SchedulerConfig } from './config.ts';
import { factsOf, faultOf, isSameNode, poolOfNode, unknownUsage } from './node-info.ts';
import { isCordoned } from './places.ts';
import { countNode, dropNode, listNode, reserve } from './round/nodes.ts';
import { lookAgain, type State } from './state.ts';

interface ExecutorNode {
  readonly node: number;
  readonly info: NodeInfo;
  /** What runs that nobody here knows take of it. */
  readonly reserved: Float64Array | undefined;
  /** Unknown runs take an unknown part of it. */
  readonly isObscured: boolean;
}

export interface Executor {
  readonly id: string;
  pool: string;
  /** Monotonic: when it was last heard of, or when its silence began to count. */
  heardAtMs: number;
  /** Wall clock: when it was last heard of, by any leader. */
  seenAtMs: number;
  /** Heard of since this scheduler started. */
  isHeard: boolean;
  /** It has shown itself, to this leader or to an earlier one. */
  wasSeen: boolean;
  isLive: boolean;
  isLost: boolean;
  /** An operator said that it is gone, and it has not shown itself since. */
  isDismissed: boolean;
  /** By node name. */
  readonly nodes: Map<string, ExecutorNode>;
  /** Monotonic: when its record was last written; undefined when not by this scheduler. */
  savedAtMs: number | undefined;
  /** Its nodes have changed since. */
  isUnsaved: boolean;
}

export interface Executors {
  readonly state: State;
  readonly config: SchedulerConfig;
  readonly logger: Logger;
  readonly byId: Map<string, Executor>;
}

/** Monotonic and wall time, together. */
export interface Now {
  elapsedMs: number;
  wallMs: number;
}

/** A record is written again after this, so that a new leader knows how old it is. */
const SAVE_EVERY_MS = 10 * 60_000;

/** Changed nodes are written no more often than this. */
const SAVE_CHANGES_EVERY_MS = 10_000;

export function createExecutors(state: State, config: SchedulerConfig, logger: Logger): Executors {
  return { state, config, logger, byId: new Map() };
}

/** Takes over what an executor shows of itself: this is its sign of life. */
export function seeExecutor(executors: Executors, shown: LeaseRequest, now: Now): void {
  const executor = ensureExecutor(executors, shown.executorId, now);
  executor.heardAtMs = now.elapsedMs;
  executor.seenAtMs = now.wallMs;
  executor.isHeard = true;
  executor.wasSeen = true;
  executor.isLost = false;
  executor.isDismissed = false;
  executor.pool = shown.pool;
  const { state } = executors;
  const runs = shownRuns(shown);
  if (settleShown(state.charges, executor.id, runs)) state.isRoundDue = true;
  for (const job of findMissing(state.charges, executor.id, runs, now.elapsedMs)) lookAgain(state, job);
  const names = new Set<string>();
  for (const info of shown.nodes) {
    const fault = names.has(info.name) ? 'named twice' : faultOf(info);
    if (fault !== undefined) {
      executors.logger.warn({ executor: executor.id, node: info.name, fault }, 'a node is left out');
      continue;
    }
    names.add(info.name);
    seeNode(executors, executor, info);
  }
  for (const [name, gone] of executor.nodes) {
    if (!names.has(name)) loseNode(executors, executor, name, gone);
  }
  executor.isLive = true;
  relist(executors, executor);
}

/** Takes over an executor as another leader last saw it, unless this one has heard of it; it gets nothing before that. */
export function recallExecutor(executors: Executors, record: ExecutorRecord, now: Now): void {
  if (executors.byId.get(record.id)?.isHeard) return;
  if (now.wallMs - record.seenAtMs > executors.config.executorForgottenMs) return;
  const executor = ensureExecutor(executors, record.id, now);
  executor.pool = record.pool;
  executor.seenAtMs = record.seenAtMs;
  executor.wasSeen = true;
  executor.isDismissed = false;
  const names = new Set<string>();
  for (const info of record.nodes) {
    names.add(info.name);
    if (faultOf(info) === undefined) seeNode(executors, executor, info);
  }
  for (const [name, gone] of executor.nodes) {
    if (!names.has(name)) loseNode(executors, executor, name, gone);
  }
  executor.isUnsaved = false;
  relist(executors, executor);
}

/** Operators have set something for the executor or its nodes: what gets new jobs may be different now. */
export function relistExecutor(executors: Executors, id: string): void {
  const executor = executors.byId.get(id);
  if (executor) relist(executors, executor);
}

/**
 * An operator says that the executor is gone: it gets nothing new, and is
 * forgotten once it has no valid run and has been quiet for executorQuietMs.
 * Should it show itself, it is as good as new.
 */
export function dismissExecutor(executors: Executors, id: string): void {
  const executor = executors.byId.get(id);
  if (executor === undefined) return;
  executor.isLive = false;
  executor.isHeard = false;
  executor.isDismissed = true;
  // Its record is gone from the store.
  executor.savedAtMs = undefined;
  relist(executors, executor);
}

/** Counts everybody's silence from now: for some time nobody could have been heard. */
export function restartSilence(executors: Executors, now: Now): void {
  for (const executor of executors.byId.values()) executor.heardAtMs = now.elapsedMs;
}

/**
 * Acts on silence. Returns the jobs whose runs are given up, and when to look
 * again (monotonic).
 */
export function watchSilence(executors: Executors, now: Now): { lost: number[]; nextMs: number } {
  const { config, state } = executors;
  const lost: number[] = [];
  let nextMs = Number.POSITIVE_INFINITY;
  for (const id of state.charges.byExecutor.keys()) ensureExecutor(executors, id, now);
  for (const executor of executors.byId.values()) {
    const silentMs = now.elapsedMs - executor.heardAtMs;
    if (executor.isLive && silentMs >= config.executorQuietMs) {
      executor.isLive = false;
      relist(executors, executor);
      executors.logger.warn(
        { executor: executor.id, silentMs },
        'an executor is silent and gets nothing new',
      );
    }
    if (silentMs >= config.executorLostMs) {
      if (!executor.isLost) {
        executor.isLost = true;
        executors.logger.warn(
          { executor: executor.id, silentMs },
          'an executor is lost; its runs are given up',
        );
      }
      for (const one of state.charges.byExecutor.get(executor.id) ?? []) {
        if (one.state === 'valid') lost.push(one.job);
      }
    }
    if (isForgettable(executors, executor, now)) forget(executors, executor);
    else nextMs = Math.min(nextMs, nextLimit(config, executor, silentMs) + now.elapsedMs - silentMs);
  }
  return { lost, nextMs };
}

/** Whether runs of this executor are given up. */
export function isLostExecutor(executors: Executors, id: string): boolean {
  return executors.byId.get(id)?.isLost === true;
}

/** Whether any executor has been heard of since the scheduler started. */
export function isAnyHeard(executors: Executors): boolean {
  for (const executor of executors.byId.values()) if (executor.isHeard) return true;
  return false;
}

/** Records that should be written now, so that a new leader knows what could ever run. */
export function takeUnsaved(executors: Executors, now: Now): ExecutorRecord[] {
  const records: ExecutorRecord[] = [];
  for (const executor of executors.byId.values()) {
    if (!executor.isHeard || !executor.isLive) continue;
    const age = now.elapsedMs - (executor.savedAtMs ?? Number.NEGATIVE_INFINITY);
    if (age < (executor.isUnsaved ? SAVE_CHANGES_EVERY_MS : SAVE_EVERY_MS)) continue;
    executor.savedAtMs = now.elapsedMs;
    executor.isUnsaved = false;
    records.push(
      ExecutorRecord.create({
        id: executor.id,
        pool: executor.pool,
        nodes: [...executor.nodes.values()].map(({ info }) => info),
        seenAtMs: executor.seenAtMs,
      }),
    );
  }
  return records;
}

function ensureExecutor(executors: Executors, id: string, now: Now): Executor {
  let executor = executors.byId.get(id);
  if (executor === undefined) {
    executor = {
      id,
      pool: '',
      heardAtMs: now.elapsedMs,
      seenAtMs: now.wallMs,
      isHeard: false,
      wasSeen: false,
      isLive: false,
      isLost: false,
      isDismissed: false,
      nodes: new Map(),
      savedAtMs: undefined,
      isUnsaved: false,
    };
    executors.byId.set(id, executor);
  }
  return executor;
}

function seeNode(executors: Executors, executor: Executor, info: NodeInfo): void {
  const { charges, nodes } = executors.state;
  const before = executor.nodes.get(info.name);
  if (before?.reserved) {
    reserve(nodes, before.node, before.reserved, -1);
    executors.state.isRoundDue = true;
  }
  let node = before?.node ?? -1;
  const isSame = before !== undefined && isSameNode(before.info, info);
  if (!isSame || nodes.facts[node]?.pool !== poolOfNode(executor, info)) {
    node = replaceNode(charges, factsOf(executor, info));
    executor.isUnsaved = true;
    executors.state.isRoundDue = true;
  }
  const unknown = [...info.runIdsByState].some(([run, state]) => isHeld(state) && !charges.byRun.has(run));
  const reserved = unknown ? unknownUsage(charges, info, nodes.resources) : undefined;
  if (reserved) reserve(nodes, node, reserved, 1);
  const isObscured = unknown && reserved === undefined;
  executor.nodes.set(info.name, { node, info: withoutRuns(info), reserved, isObscured });
}

/** The executor does not show the node any more. Runs charged to it keep it known. */
function loseNode(executors: Executors, executor: Executor, name: string, gone: ExecutorNode): void {
  const { charges, nodes } = executors.state;
  executor.nodes.delete(name);
  executor.isUnsaved = true;
  if (gone.reserved) reserve(nodes, gone.node, gone.reserved, -1);
  const facts = nodes.facts[gone.node];
  if (!charges.byNode.has(gone.node)) dropNode(nodes, gone.node);
  else if (facts) replaceNode(charges, goneNode(executor.id, name, facts.pool));
}

/** Lists and counts the executor's nodes as its state allows. */
function relist(executors: Executors, executor: Executor): void {
  const { state } = executors;
  const { nodes, places } = state;
  const executorId = executor.id;
  const isOpen = executor.isLive && !isCordoned(places, { executorId, node: '' });
  for (const [name, { node, info, isObscured }] of executor.nodes) {
    const isNodeOpen = !info.unschedulable && !isObscured && !isCordoned(places, { executorId, node: name });
    const isListed = isOpen && isNodeOpen;
    if (nodes.listed[node] !== Number(isListed)) state.isRoundDue = true;
    countNode(nodes, node, executor.isLive);
    listNode(nodes, node, isListed);
  }
}

function isForgettable(executors: Executors, executor: Executor, now: Now): boolean {
  const { executorForgottenMs, executorQuietMs } = executors.config;
  const silentMs = Math.max(now.elapsedMs - executor.heardAtMs, 0);
  const unseenMs = executor.isHeard ? silentMs : Math.max(now.wallMs - executor.seenAtMs, silentMs);
  // A dismissed one may be alive all the same: until it could have shown itself, jobs that only it can run are kept.
  const limitMs = executor.isDismissed ? executorQuietMs : executorForgottenMs;
  if (executor.isLive || unseenMs < limitMs) return false;
  const charges = executors.state.charges.byExecutor.get(executor.id) ?? [];
  return [...charges].every((one) => one.state === 'leaving');
}

function forget(executors: Executors, executor: Executor): void {
  const { charges } = executors.state;
  for (const one of Array.from(charges.byExecutor.get(executor.id) ?? [])) {
    leaveRun(charges, one, false);
    dropCharge(charges, one);
  }
  for (const [name, gone] of executor.nodes) loseNode(executors, executor, name, gone);
  executors.byId.delete(executor.id);
}

function nextLimit(config: SchedulerConfig, executor: Executor, silentMs: number): number {
  if (executor.isLive) return config.executorQuietMs;
  if (silentMs < config.executorLostMs) return config.executorLostMs;
  return Math.max(config.executorForgottenMs, silentMs + 60_000);
}

function shownRuns(shown: LeaseRequest): ShownRuns {
  const held = new Set(shown.unassignedJobRunIds);
  const ended = new Set<string>();
  for (const info of shown.nodes) {
    for (const [runId, state] of info.runIdsByState) (isHeld(state) ? held : ended).add(runId);
  }
  return { held, ended };
}

function isHeld(state: JobState): boolean {
  return state !== JobState.SUCCEEDED && state !== JobState.FAILED;
}

/** What is remembered of a node: not the runs, and not what changes with every run. */
function withoutRuns(info: NodeInfo): NodeInfo {
  return {
    ...info,
    runIdsByState: new Map(),
    availableResources: new Map(),
    resourceUsageByQueueAndPool: [],
  };
}
