/**
 * Nodes as columns. Every node that some executor has shown within the hour
 * stands here with what it offers and what is free; only those that may get
 * new jobs are *listed*, that is, stand in the best-fit order of their pool.
 *
 * Nodes are grouped in *node types*: same hard taints and same values of those
 * labels that some class mentions. Whether a class matches is asked once for a
 * type. The host's own name is left out, or every node would be a type; classes
 * that name hosts are asked node by node (classes.ts).
 */
import type { Taint } from '@armada-ts/api/k8s/io/api/core/v1/core';
import type { ReadonlyResources } from '../../model/resources.ts';
import { growBytes, growFloats, growInts } from './columns.ts';
import { HOSTNAME_LABEL, isHard } from './match.ts';
import { insertNode, moveNode, removeNode } from './node-order.ts';
import { type Pool, allocate, createPool, noteReleased, orderOf, reopenAll } from './pools.ts';
import { firstNotBelow, placeInOrder } from './ranks.ts';
import {
  RANKED_COLUMNS,
  type ResourceTable,
  createResourceTable,
  ensureColumn,
  toColumnUnit,
} from './resources.ts';

/** A node as its executor shows it. */
export interface NodeFacts {
  readonly executorId: string;
  readonly name: string;
  readonly pool: string;
  /** With the hostname label, which is the node's name unless it says otherwise. */
  readonly labels: ReadonlyMap<string, string>;
  readonly taints: readonly Taint[];
  /** What jobs may use, in base units. */
  readonly capacity: ReadonlyResources;
  /** Its executor no longer shows it, but runs are still charged to it. */
  readonly isGone: boolean;
}

export interface NodeType {
  readonly taints: readonly Taint[];
  /** Only those that classes mention. */
  readonly labels: ReadonlyMap<string, string>;
}

export interface Nodes {
  readonly resources: ResourceTable;
  /** Numbers a node takes in `capacity` and `free`. */
  width: number;
  readonly facts: (NodeFacts | undefined)[];
  capacity: Float64Array;
  /** May be negative after a node has shrunk: then nothing fits. */
  free: Float64Array;
  rank: Float64Array;
  type: Int32Array;
  /** Place in `pools`, -1 for a node that is not there. */
  pool: Int32Array;
  /** 1 when it may get new jobs. */
  listed: Uint8Array;
  /** 1 when it counts towards its pool's totals. */
  counted: Uint8Array;
  readonly byKey: Map<string, number>;
  readonly unused: number[];
  /** Node keys in rising order, for the ranks. */
  readonly ranked: string[];
  /** Nodes by hostname label and by name. */
  readonly byHost: Map<string, Set<number>>;
  readonly pools: Pool[];
  types: NodeType[];
  typeBySignature: Map<string, number>;
  /** Raised when types are made anew: what was known about them is void. */
  typesGeneration: number;
  /** Label keys that tell types apart. */
  readonly tellingLabels: Set<string>;
  /** Label keys seen on nodes since classes were last asked about them. */
  readonly newLabels: Set<string>;
  readonly seenLabels: Set<string>;
  /** Raised when a node is added, changed or removed (not when charged): verdicts on classes may change. */
  version: number;
}

export function createNodes(): Nodes {
  const resources = createResourceTable();
  return {
    resources,
    width: RANKED_COLUMNS + 4,
    facts: [],
    capacity: new Float64Array(0),
    free: new Float64Array(0),
    rank: new Float64Array(0),
    type: new Int32Array(0),
    pool: new Int32Array(0),
    listed: new Uint8Array(0),
    counted: new Uint8Array(0),
    byKey: new Map(),
    unused: [],
    ranked: [],
    byHost: new Map(),
    pools: [],
    types: [],
    typeBySignature: new Map(),
    typesGeneration: 0,
    tellingLabels: new Set(),
    newLabels: new Set(),
    seenLabels: new Set(),
    version: 0,
  };
}

/** Names a node among those of all executors; rises by executor id, then node name. */
export function nodeKey(executorId: string, name: string): string {
  return `${executorId}\0${name}`;
}

/**
 * Adds a node, or changes what is known of it; it is left unlisted and
 * uncounted. A changed node must hold no charges (charges.ts lifts them first).
 */
export function putNode(nodes: Nodes, facts: NodeFacts): number {
  const key = nodeKey(facts.executorId, facts.name);
  const node = nodes.byKey.get(key) ?? addNode(nodes, key);
  takeAway(nodes, node);
  for (const name of facts.capacity.keys()) ensureColumn(nodes.resources, name);
  widen(nodes);
  nodes.facts[node] = facts;
  nodes.pool[node] = poolIndex(nodes, facts.pool);
  const start = node * nodes.width;
  nodes.capacity.fill(0, start, start + nodes.width);
  for (const [name, amount] of facts.capacity) {
    const column = ensureColumn(nodes.resources, name);
    nodes.capacity[start + column] = toColumnUnit(name, amount, 'down');
  }
  nodes.free.set(nodes.capacity.subarray(start, start + nodes.width), start);
  for (const label of facts.labels.keys()) {
    if (!nodes.seenLabels.has(label)) nodes.newLabels.add(label);
  }
  for (const host of hostsOf(facts)) {
    const same = nodes.byHost.get(host);
    if (same) same.add(node);
    else nodes.byHost.set(host, new Set([node]));
  }
  nodes.type[node] = typeOf(nodes, facts);
  nodes.version++;
  return node;
}

/** Forgets a node that holds no charges. */
export function dropNode(nodes: Nodes, node: number): void {
  const facts = nodes.facts[node];
  if (facts === undefined) return;
  takeAway(nodes, node);
  const key = nodeKey(facts.executorId, facts.name);
  nodes.byKey.delete(key);
  nodes.facts[node] = undefined;
  nodes.pool[node] = -1;
  nodes.unused.push(node);
  nodes.ranked.splice(firstNotBelow(nodes.ranked, key), 1);
  nodes.version++;
}

/** Whether the node may get new jobs. */
export function listNode(nodes: Nodes, node: number, isListed: boolean): void {
  if (nodes.listed[node] === Number(isListed)) return;
  const pool = poolOf(nodes, node);
  const order = orderOf(pool, nodes.type[node] ?? 0);
  if (isListed) {
    insertNode(order, nodes, node);
    noteReleased(pool, node);
  } else {
    removeNode(order, nodes, node);
  }
  nodes.listed[node] = Number(isListed);
}

/** Whether what the node offers counts as part of its pool, for fair shares. */
export function countNode(nodes: Nodes, node: number, isCounted: boolean): void {
  if (nodes.counted[node] === Number(isCounted)) return;
  const { totals } = poolOf(nodes, node);
  for (let column = 0; column < RANKED_COLUMNS; column++) {
    const offered = nodes.capacity[node * nodes.width + column] ?? 0;
    totals[column] = (totals[column] ?? 0) + (isCounted ? offered : -offered);
  }
  nodes.counted[node] = Number(isCounted);
}

/** Takes what a run needs from its node and charges it to its queue. */
export function charge(nodes: Nodes, node: number, queue: number, request: Float64Array): void {
  change(nodes, node, request, -1);
  allocate(poolOf(nodes, node), queue, request, 1);
}

/** The reverse of charge. */
export function release(nodes: Nodes, node: number, queue: number, request: Float64Array): void {
  change(nodes, node, request, 1);
  const pool = poolOf(nodes, node);
  allocate(pool, queue, request, -1);
  if (nodes.listed[node] === 1) noteReleased(pool, node);
}

/** Takes room for what is no job of a queue; `sign` is 1 to take and -1 to give back. */
export function reserve(nodes: Nodes, node: number, amounts: Float64Array, sign: 1 | -1): void {
  change(nodes, node, amounts, -sign);
  if (sign === -1 && nodes.listed[node] === 1) noteReleased(poolOf(nodes, node), node);
}

export function poolOf(nodes: Nodes, node: number): Pool {
  const pool = nodes.pools[nodes.pool[node] ?? -1];
  if (pool === undefined) throw new Error('a node without a pool');
  return pool;
}

/**
 * Makes the types anew from the labels that tell nodes apart now. Needed when a
 * class mentions a label for the first time, so rare.
 */
export function rebuildTypes(nodes: Nodes): void {
  const listed = nodes.facts.flatMap((facts, node) => (facts && nodes.listed[node] === 1 ? [node] : []));
  for (const node of listed) listNode(nodes, node, false);
  nodes.types = [];
  nodes.typeBySignature = new Map();
  nodes.typesGeneration++;
  for (const pool of nodes.pools) pool.orders.length = 0;
  for (const [node, facts] of nodes.facts.entries()) {
    if (facts) nodes.type[node] = typeOf(nodes, facts);
  }
  for (const pool of nodes.pools) reopenAll(pool);
  for (const node of listed) listNode(nodes, node, true);
}

function change(nodes: Nodes, node: number, request: Float64Array, sign: number): void {
  const start = node * nodes.width;
  const { free } = nodes;
  const apply = (): void => {
    for (let column = 0; column < request.length; column++) {
      free[start + column] = (free[start + column] ?? 0) + sign * (request[column] ?? 0);
    }
  };
  if (nodes.listed[node] === 1)
    moveNode(orderOf(poolOf(nodes, node), nodes.type[node] ?? 0), nodes, node, apply);
  else apply();
}

/** Takes a known node out of everything that depends on its facts. */
function takeAway(nodes: Nodes, node: number): void {
  const facts = nodes.facts[node];
  if (facts === undefined) return;
  listNode(nodes, node, false);
  countNode(nodes, node, false);
  for (const host of hostsOf(facts)) {
    const same = nodes.byHost.get(host);
    same?.delete(node);
    if (same?.size === 0) nodes.byHost.delete(host);
  }
}

function addNode(nodes: Nodes, key: string): number {
  const node = nodes.unused.pop() ?? nodes.facts.length;
  nodes.facts[node] = undefined;
  nodes.byKey.set(key, node);
  nodes.rank = growFloats(nodes.rank, node + 1);
  nodes.type = growInts(nodes.type, node + 1);
  nodes.pool = growInts(nodes.pool, node + 1);
  nodes.listed = growBytes(nodes.listed, node + 1);
  nodes.counted = growBytes(nodes.counted, node + 1);
  nodes.capacity = growFloats(nodes.capacity, (node + 1) * nodes.width);
  nodes.free = growFloats(nodes.free, (node + 1) * nodes.width);
  placeInOrder(nodes, key, node);
  return node;
}

/** Makes room for resources that were offered for the first time. */
function widen(nodes: Nodes): void {
  const wanted = nodes.resources.names.length;
  if (wanted <= nodes.width) return;
  const width = wanted + 4;
  for (const name of ['capacity', 'free'] as const) {
    const old = nodes[name];
    const wide = new Float64Array(nodes.facts.length * width);
    for (let node = 0; node < nodes.facts.length; node++) {
      wide.set(old.subarray(node * nodes.width, (node + 1) * nodes.width), node * width);
    }
    nodes[name] = wide;
  }
  nodes.width = width;
}

function poolIndex(nodes: Nodes, name: string): number {
  const at = nodes.pools.findIndex((pool) => pool.name === name);
  return at >= 0 ? at : nodes.pools.push(createPool(name)) - 1;
}

function hostsOf(facts: NodeFacts): Set<string> {
  return new Set([facts.name, facts.labels.get(HOSTNAME_LABEL) ?? facts.name]);
}

function typeOf(nodes: Nodes, facts: NodeFacts): number {
  const taints = facts.taints.filter(isHard);
  const labels = [...nodes.tellingLabels]
    .filter((label) => facts.labels.has(label))
    .sort()
    .map((label): [string, string] => [label, facts.labels.get(label) ?? '']);
  const marks = taints.map(({ key, value, effect }) => JSON.stringify([key, value, effect])).sort();
  const signature = JSON.stringify([marks, labels]);
  let type = nodes.typeBySignature.get(signature);
  if (type === undefined) {
    type = nodes.types.push({ taints, labels: new Map(labels) }) - 1;
    nodes.typeBySignature.set(signature, type);
  }
  return type;
}
