import { type JobRunLease, NodeInfo } from '@armada-ts/api/executorapi/executorapi';
import type { Taint } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { Quantity } from '@armada-ts/api/k8s/io/apimachinery/pkg/api/resource/quantity';

/** By this label the scheduler binds a run to a node. */
const HOSTNAME_LABEL = 'kubernetes.io/hostname';

/** A number of equal nodes that an executor offers. */
export interface NodeGroup {
  /** Nodes are called `<name>-0`, `<name>-1`, ... */
  name: string;
  count: number;
  /** Quantities by resource, such as `cpu: "4"`. */
  resources: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  taints: readonly { key: string; value: string; effect: string }[];
  pool: string;
}

/** The nodes of all groups, in order, as a lease request names them. */
export function nodesOf(groups: readonly NodeGroup[]): NodeInfo[] {
  return groups.flatMap((group) =>
    Array.from({ length: group.count }, (_, i) => nodeOf(group, `${group.name}-${i}`)),
  );
}

function nodeOf(group: NodeGroup, name: string): NodeInfo {
  const resources = new Map(
    Object.entries(group.resources).map(([resource, amount]) => [resource, quantity(amount)]),
  );
  const taints = group.taints.map((taint): Taint => ({ ...taint, timeAdded: undefined }));
  return {
    ...NodeInfo.create(),
    name,
    taints,
    labels: new Map([...Object.entries(group.labels), [HOSTNAME_LABEL, name]]),
    allocatableResources: resources,
    availableResources: resources,
    totalResources: resources,
    nodeType: 'none',
    pool: group.pool,
  };
}

export function quantity(text: string): Quantity {
  return { ...Quantity.create(), string: text };
}

/** Finds nodes by what a lease says of them: with thousands of nodes and leases, looking through all takes too long. */
export type NodeIndex = ReadonlyMap<string, string>;

export function indexNodes(nodes: readonly NodeInfo[]): NodeIndex {
  return new Map(nodes.map((node) => [node.labels.get(HOSTNAME_LABEL) ?? node.name, node.name]));
}

/** Name of the node that the scheduler chose for a run; empty when it is none of these. */
export function nodeFor(lease: JobRunLease, nodes: NodeIndex): string {
  const wanted = lease.job?.mainObject?.object?.value.podSpec?.nodeSelector.get(HOSTNAME_LABEL);
  return wanted === undefined ? '' : (nodes.get(wanted) ?? '');
}
