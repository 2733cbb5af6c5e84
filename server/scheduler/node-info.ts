/** Reading what an executor says of a node. */
import type { NodeInfo } from '@armada-ts/api/executorapi/executorapi';
import type { Taint } from '@armada-ts/api/k8s/io/api/core/v1/core';
import type { Quantity } from '@armada-ts/api/k8s/io/apimachinery/pkg/api/resource/quantity';
import { isPrintable } from '../model/names.ts';
import { type Resources, addResources, parseAmount, resourcesOf } from '../model/resources.ts';
import type { Charges } from './charges.ts';
import { HOSTNAME_LABEL } from './round/match.ts';
import type { NodeFacts } from './round/nodes.ts';
import { RANKED_COLUMNS, type ResourceTable, toColumnUnit } from './round/resources.ts';

const MAX_NAME_LENGTH = 253;

/** What is wrong with the node, if anything: such a node is left out. */
export function faultOf(info: NodeInfo): string | undefined {
  if (info.name === '') return 'has no name';
  if (info.name.length > MAX_NAME_LENGTH || !isPrintable(info.name)) return 'has no proper name';
  for (const list of [info.allocatableResources, ...usedLists(info)]) {
    for (const [resource, quantity] of list) {
      const amount = parseAmount(resource, quantity.string ?? '', 'down');
      if (!amount.ok) return `${resource} ${amount.fault}`;
    }
  }
  return undefined;
}

/** The node as the round sees it. */
export function factsOf(executor: { id: string; pool: string }, info: NodeInfo): NodeFacts {
  const labels = info.labels.has(HOSTNAME_LABEL)
    ? info.labels
    : new Map([...info.labels, [HOSTNAME_LABEL, info.name] as const]);
  return {
    executorId: executor.id,
    name: info.name,
    pool: poolOfNode(executor, info),
    labels,
    taints: info.taints,
    capacity: capacityOf(info),
    isGone: false,
  };
}

/** A node that names no pool is in its executor's. */
export function poolOfNode(executor: { pool: string }, info: NodeInfo): string {
  return info.pool === '' ? executor.pool : info.pool;
}

/** What jobs may use: what the node can give, less what others than Armada's jobs take of it. */
export function capacityOf(info: NodeInfo): Resources {
  const used: Resources = new Map();
  for (const list of usedLists(info)) addResources(used, resourcesOf(list, 'up'));
  const capacity = resourcesOf(info.allocatableResources, 'down');
  for (const [resource, amount] of capacity) {
    capacity.set(resource, Math.max(0, amount - (used.get(resource) ?? 0)));
  }
  return capacity;
}

/** Whether nothing that matters for placing has changed. */
export function isSameNode(a: NodeInfo, b: NodeInfo): boolean {
  return (
    a.unschedulable === b.unschedulable &&
    a.pool === b.pool &&
    isSameMap(a.labels, b.labels, (x, y) => x === y) &&
    a.taints.length === b.taints.length &&
    a.taints.every((taint, index) => isSameTaint(taint, b.taints[index])) &&
    isSameList(a.allocatableResources, b.allocatableResources) &&
    isSameMap(a.nonArmadaAllocatedResources, b.nonArmadaAllocatedResources, (x, y) =>
      isSameList(x.resources, y.resources),
    )
  );
}

/**
 * What the runs that nobody here knows take of the node: what its jobs use
 * altogether, by its own account, less the known ones. Undefined when it gives
 * no account.
 */
export function unknownUsage(
  charges: Charges,
  info: NodeInfo,
  table: ResourceTable,
): Float64Array | undefined {
  if (info.resourceUsageByQueueAndPool.length === 0) return undefined;
  const usage: Resources = new Map();
  for (const { resources } of info.resourceUsageByQueueAndPool) {
    addResources(usage, resourcesOf(resources, 'up'));
  }
  const unknown = new Float64Array(Math.max(RANKED_COLUMNS, table.names.length));
  for (const [name, amount] of usage) {
    const column = table.columns.get(name);
    if (column !== undefined) unknown[column] = toColumnUnit(name, amount, 'up');
  }
  for (const runId of info.runIdsByState.keys()) {
    const known = charges.byRun.get(runId)?.request;
    for (let column = 0; known && column < known.length; column++) {
      unknown[column] = Math.max(0, (unknown[column] ?? 0) - (known[column] ?? 0));
    }
  }
  return unknown;
}

function usedLists(info: NodeInfo): ReadonlyMap<string, Quantity>[] {
  return [...info.nonArmadaAllocatedResources.values()].map(({ resources }) => resources);
}

function isSameList(a: ReadonlyMap<string, Quantity>, b: ReadonlyMap<string, Quantity>): boolean {
  return isSameMap(a, b, (x, y) => x.string === y.string);
}

function isSameMap<K, V>(
  a: ReadonlyMap<K, V>,
  b: ReadonlyMap<K, V>,
  isSame: (x: V, y: V) => boolean,
): boolean {
  if (a.size !== b.size) return false;
  for (const [key, value] of a) {
    const other = b.get(key);
    if (other === undefined || !isSame(value, other)) return false;
  }
  return true;
}

function isSameTaint(a: Taint, b: Taint | undefined): boolean {
  return a.key === b?.key && a.value === b?.value && a.effect === b?.effect;
}
