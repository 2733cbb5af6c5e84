/**
 * The round: which waiting jobs go to which nodes.
 *
 * One pool after the other, in the order of their names. In a pool each queue
 * offers its first job by (priority class, job priority, submit time, id), and
 * the queue goes first whose offer has the highest priority class, then the
 * one that would hold the smallest weighted share of the pool with it (dominant
 * resource fairness), then the lower name. The job goes to the node with room
 * that is tightest (node-order.ts). A class for which no node has room, at the
 * start or when its turn comes, is *blocked* in the pool: its jobs step aside
 * and those behind them in their queues move up. Later rounds try it again only
 * on nodes that have gained room.
 *
 * The round reads no clock, draws no random numbers and does no I/O: the same
 * columns give the same plan. Its one effect is on the columns it is given:
 * placed jobs leave their lanes, and their nodes and queues are charged, since
 * the next round must see them so. The caller undoes a placement that it cannot
 * carry out. Work is bounded by counting placements and nodes looked at.
 */
import { type Classes, type JobClass, matchesNode, matchesType, reconcile } from './classes.ts';
import { type Heap, pushItem, removeAt, settle } from './heap.ts';
import { type Effort, compareNodes, firstFit, firstLacking } from './node-order.ts';
import { type Nodes, charge } from './nodes.ts';
import { type Pool, block, proposedCost } from './pools.ts';
import { type Lane, type Waiting, isJobBefore, stepOut } from './waiting.ts';

/** What the round knows of a queue. */
export interface QueueColumns {
  readonly names: string[];
  priorityFactor: Float64Array;
  /** 1 for a queue that gets nothing new. */
  held: Uint8Array;
}

export interface Snapshot {
  readonly nodes: Nodes;
  readonly classes: Classes;
  readonly queues: QueueColumns;
  readonly waiting: Waiting;
}

/** How much one round may do before the caller looks after other things. */
export interface RoundLimits {
  maxPlacements: number;
  /** Nodes looked at; 1,000,000 take some 20 to 50 ms. */
  maxSteps: number;
}

export interface Placement {
  job: number;
  node: number;
  jobClass: JobClass;
  queue: number;
}

export interface Plan {
  placements: Placement[];
  /** False when the limits ended the round: the next one goes on. */
  isComplete: boolean;
  steps: number;
}

export function runRound(snapshot: Snapshot, limits: RoundLimits): Plan {
  reconcile(snapshot.classes, snapshot.nodes);
  const plan: Plan = { placements: [], isComplete: true, steps: 0 };
  const pools = snapshot.nodes.pools.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const pool of pools) fillPool(snapshot, pool, limits, plan);
  return plan;
}

/** A queue in the contest for one pool. */
interface Contender {
  readonly queue: number;
  readonly name: string;
  /** Lanes whose class is not blocked, by their first jobs. */
  readonly lanes: Heap;
  /** Of the first job. */
  priority: number;
  cost: number;
  /** Place among the contenders. */
  at: number;
}

interface Contest {
  readonly snapshot: Snapshot;
  readonly pool: Pool;
  readonly lanes: Lane[];
  readonly contenders: Contender[];
  readonly byQueue: Map<number, Contender>;
  readonly order: Heap;
}

function fillPool(snapshot: Snapshot, pool: Pool, limits: RoundLimits, plan: Plan): void {
  const contest = openContest(snapshot, pool, plan);
  for (;;) {
    const leader = contest.contenders[contest.order.items[0] ?? -1];
    const lane = leader && firstLane(contest, leader);
    if (leader === undefined || lane === undefined) return;
    if (plan.placements.length >= limits.maxPlacements || plan.steps >= limits.maxSteps) {
      plan.isComplete = false;
      return;
    }
    const jobClass = classOf(snapshot, lane);
    const node = findNode(snapshot.nodes, pool, jobClass, plan);
    if (node === -1) {
      block(pool, lane.classIndex);
      setAside(contest, lane.classIndex);
    } else {
      const job = lane.jobs.items[0] ?? -1;
      const { queue } = lane;
      plan.placements.push({ job, node, jobClass, queue });
      stepOut(snapshot.waiting, job, queue, lane.classIndex);
      charge(snapshot.nodes, node, queue, jobClass.request);
      offerNext(contest, leader);
    }
  }
}

/**
 * The tightest node of the pool with room for the class, or -1. Also tells a
 * caller outside of a round where one more job would go.
 */
export function findNode(nodes: Nodes, pool: Pool, jobClass: JobClass, effort: Effort): number {
  if (jobClass.unoffered.length > 0) return -1;
  if (jobClass.hosts !== undefined) return findNamed(nodes, pool, jobClass, effort);
  const { request } = jobClass;
  const accepts = jobClass.asksNodes ? (node: number) => matchesNode(jobClass, nodes, node) : undefined;
  let best = -1;
  for (let type = 0; type < pool.orders.length; type++) {
    const order = pool.orders[type];
    if (order === undefined || order.size === 0 || !matchesType(jobClass, nodes, type)) continue;
    const node = firstFit(order, nodes, { request, accepts }, effort);
    if (node !== -1 && (best === -1 || compareNodes(nodes, node, best) < 0)) best = node;
  }
  return best;
}

function findNamed(nodes: Nodes, pool: Pool, jobClass: JobClass, effort: Effort): number {
  let best = -1;
  for (const host of jobClass.hosts ?? []) {
    for (const node of nodes.byHost.get(host) ?? []) {
      effort.steps++;
      if (!hasRoom(nodes, pool, jobClass, node)) continue;
      if (best === -1 || compareNodes(nodes, node, best) < 0) best = node;
    }
  }
  return best;
}

/** Whether one more job of the class can go to this node now. */
function hasRoom(nodes: Nodes, pool: Pool, jobClass: JobClass, node: number): boolean {
  return (
    nodes.listed[node] === 1 &&
    nodes.pools[nodes.pool[node] ?? -1] === pool &&
    jobClass.unoffered.length === 0 &&
    firstLacking(nodes, node, jobClass.request) === -1 &&
    matchesType(jobClass, nodes, nodes.type[node] ?? -1) &&
    matchesNode(jobClass, nodes, node)
  );
}

function openContest(snapshot: Snapshot, pool: Pool, effort: Effort): Contest {
  const byQueue: Contest['byQueue'] = new Map();
  const contenders: Contender[] = [];
  const lanes: Lane[] = [];
  const order: Heap = {
    items: [],
    isBefore: (a, b) => isContenderBefore(contenders[a], contenders[b]),
    placed: (index, at) => {
      const contender = contenders[index];
      if (contender) contender.at = at;
    },
  };
  const contest: Contest = { snapshot, pool, lanes, contenders, byQueue, order };
  for (const [classIndex, own] of snapshot.waiting.byClass) {
    if (!isOpen(snapshot, pool, classIndex, effort)) continue;
    for (const lane of own.values()) {
      if (snapshot.queues.held[lane.queue] === 1) continue;
      let contender = byQueue.get(lane.queue);
      if (contender === undefined) {
        contender = createContender(contest, lane.queue);
        byQueue.set(lane.queue, contender);
        contenders.push(contender);
      }
      pushItem(contender.lanes, lanes.push(lane) - 1);
    }
  }
  for (const [index, contender] of contenders.entries()) {
    assess(contest, contender);
    pushItem(order, index);
  }
  return contest;
}

/** Whether some node has room for the class; for a blocked one only nodes that have gained some can. */
function isOpen(snapshot: Snapshot, pool: Pool, classIndex: number, effort: Effort): boolean {
  const jobClass = snapshot.classes.list[classIndex];
  if (jobClass === undefined) return false;
  const mark = classIndex < pool.blockedAt.length ? (pool.blockedAt[classIndex] ?? 0) : 0;
  if (mark === 0 && findNode(snapshot.nodes, pool, jobClass, effort) !== -1) return true;
  for (let at = mark - 1; at >= 0 && at < pool.released.length; at++) {
    effort.steps++;
    if (hasRoom(snapshot.nodes, pool, jobClass, pool.released[at] ?? -1)) {
      pool.blockedAt[classIndex] = 0;
      return true;
    }
  }
  block(pool, classIndex);
  return false;
}

function createContender(contest: Contest, queue: number): Contender {
  const { snapshot, lanes } = contest;
  return {
    queue,
    name: snapshot.queues.names[queue] ?? '',
    lanes: {
      items: [],
      isBefore: (a, b) => isLaneBefore(snapshot, lanes[a], lanes[b]),
      placed: () => {},
    },
    priority: 0,
    cost: 0,
    at: -1,
  };
}

/** Lanes of one queue by their first jobs. */
function isLaneBefore(snapshot: Snapshot, a: Lane | undefined, b: Lane | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const byClass = classOf(snapshot, b).priority - classOf(snapshot, a).priority;
  if (byClass !== 0) return byClass < 0;
  return isJobBefore(snapshot.waiting.order, a.jobs.items[0] ?? -1, b.jobs.items[0] ?? -1);
}

function isContenderBefore(a: Contender | undefined, b: Contender | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.cost !== b.cost) return a.cost < b.cost;
  return a.name < b.name;
}

function classOf(snapshot: Snapshot, lane: Lane): JobClass {
  const jobClass = snapshot.classes.list[lane.classIndex];
  if (jobClass === undefined) throw new Error('a lane without a class');
  return jobClass;
}

function firstLane(contest: Contest, contender: Contender): Lane | undefined {
  return contest.lanes[contender.lanes.items[0] ?? -1];
}

/** Works out anew what the queue offers. */
function assess(contest: Contest, contender: Contender): void {
  const lane = firstLane(contest, contender);
  if (lane === undefined) return;
  const { snapshot, pool } = contest;
  const jobClass = classOf(snapshot, lane);
  const priorityFactor = snapshot.queues.priorityFactor[contender.queue] ?? 1;
  contender.priority = jobClass.priority;
  contender.cost = proposedCost(pool, { index: contender.queue, priorityFactor }, jobClass.request);
}

/** After its first job was placed: the queue's next job takes its place, and the queue its place among the others. */
function offerNext(contest: Contest, contender: Contender): void {
  const lane = firstLane(contest, contender);
  if (lane && lane.jobs.items.length === 0) removeAt(contender.lanes, 0);
  else settle(contender.lanes, 0);
  takePlace(contest, contender);
}

/** Lets the queues that offer a job of this class, blocked just now, offer another one. */
function setAside(contest: Contest, classIndex: number): void {
  for (const queue of contest.snapshot.waiting.byClass.get(classIndex)?.keys() ?? []) {
    const contender = contest.byQueue.get(queue);
    if (contender && firstLane(contest, contender)?.classIndex === classIndex) takePlace(contest, contender);
  }
}

/** Moves the queue to where its first job that is not blocked puts it; out of the contest without one. */
function takePlace(contest: Contest, contender: Contender): void {
  for (let lane = firstLane(contest, contender); lane && isBlocked(contest, lane); ) {
    removeAt(contender.lanes, 0);
    lane = firstLane(contest, contender);
  }
  if (contender.lanes.items.length === 0) {
    removeAt(contest.order, contender.at);
    return;
  }
  assess(contest, contender);
  settle(contest.order, contender.at);
}

function isBlocked(contest: Contest, lane: Lane): boolean {
  const { blockedAt } = contest.pool;
  return lane.classIndex < blockedAt.length && blockedAt[lane.classIndex] !== 0;
}
