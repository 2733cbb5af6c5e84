/**
 * Whether jobs of a class could ever run, judged against what nodes offer when
 * they are empty, and the reasons when they could not.
 */
import { printAmount } from '../../model/resources.ts';
import { type JobClass, matchesNode, matchesType } from './classes.ts';
import { HOSTNAME_LABEL, matchesAffinity, unselected, untolerated } from './match.ts';
import { type Nodes, nodeKey } from './nodes.ts';
import { toBaseUnit } from './resources.ts';

/** A node that could take a job of this class if it were empty and open, or -1. Call reconcile before. */
export function findCapable(jobClass: JobClass, nodes: Nodes): number {
  if (jobClass.unoffered.length > 0) return -1;
  return nodes.facts.findIndex((_, node) => isCapable(jobClass, nodes, node));
}

/** Whether this node could take a job of this class if it were empty and open. */
export function isCapable(jobClass: JobClass, nodes: Nodes, node: number): boolean {
  const facts = nodes.facts[node];
  return (
    facts !== undefined &&
    !facts.isGone &&
    jobClass.unoffered.length === 0 &&
    matchesType(jobClass, nodes, nodes.type[node] ?? -1) &&
    matchesNode(jobClass, nodes, node) &&
    shortOf(jobClass, nodes, node) === undefined
  );
}

/**
 * Why no node can take jobs of this class: how many nodes each reason rules
 * out, each node counted under the first that does.
 */
export function explainNever(jobClass: JobClass, nodes: Nodes): string {
  const counts = new Map<string, number>();
  const tooSmall = new Map<string, number[]>();
  let total = 0;
  for (const [node, facts] of nodes.facts.entries()) {
    if (facts === undefined || facts.isGone) continue;
    total++;
    const reason = mismatch(jobClass, nodes, node);
    const short = reason === undefined ? shortOf(jobClass, nodes, node) : undefined;
    if (reason !== undefined) counts.set(reason, (counts.get(reason) ?? 0) + 1);
    else if (short !== undefined) tooSmall.set(short, [...(tooSmall.get(short) ?? []), node]);
  }
  const parts = [...counts]
    .sort(([a, most], [b, other]) => other - most || (a < b ? -1 : 1))
    .slice(0, MAX_REASONS)
    .map(([reason, count]) => `${plural(count)} ${reason}`);
  for (const [resource, small] of tooSmall) parts.push(explainSize(jobClass, nodes, resource, small));
  return `The job fits on none of ${plural(total)}: ${parts.join('; ')}`;
}

/** Reasons named, most frequent first; a message is for reading. */
const MAX_REASONS = 8;

function explainSize(jobClass: JobClass, nodes: Nodes, resource: string, small: readonly number[]): string {
  const wanted = printAmount(resource, jobClass.source.requests.get(resource) ?? 0);
  const column = nodes.resources.columns.get(resource);
  if (column === undefined)
    return `it needs ${wanted} ${resource}, which none of ${plural(small.length)} offers`;
  let largest = 0;
  for (const node of small) largest = Math.max(largest, nodes.capacity[node * nodes.width + column] ?? 0);
  const offered = printAmount(resource, toBaseUnit(resource, largest));
  return `it needs ${wanted} ${resource}, the largest of ${plural(small.length)} offers ${offered}`;
}

/** Why the node is ruled out, resources aside. */
function mismatch(jobClass: JobClass, nodes: Nodes, node: number): string | undefined {
  const facts = nodes.facts[node];
  if (facts === undefined) return undefined;
  const { source } = jobClass;
  const taint = untolerated(facts.taints, source.tolerations);
  if (taint) {
    const value = taint.value ? `=${taint.value}` : '';
    return `with taint ${taint.key ?? ''}${value}:${taint.effect ?? ''}, which the job does not tolerate`;
  }
  const label = unselected(source.nodeSelector, facts.labels);
  if (label) {
    return label[0] === HOSTNAME_LABEL
      ? `other than "${label[1]}", which the node selector names`
      : `without label ${label[0]}=${label[1]}`;
  }
  if (source.requiredAffinity && !matchesAffinity(source.requiredAffinity, facts.labels, facts.name)) {
    return 'not matching the required node affinity';
  }
  if (jobClass.avoided.has(nodeKey(facts.executorId, facts.name))) return 'where the job was tried before';
  return undefined;
}

/** Name of the first resource of which even the empty node has too little. */
function shortOf(jobClass: JobClass, nodes: Nodes, node: number): string | undefined {
  const [unoffered] = jobClass.unoffered;
  if (unoffered !== undefined) return unoffered;
  const { request } = jobClass;
  for (let column = 0; column < request.length; column++) {
    if ((nodes.capacity[node * nodes.width + column] ?? 0) < (request[column] ?? 0)) {
      return nodes.resources.names[column];
    }
  }
  return undefined;
}

function plural(count: number): string {
  return count === 1 ? '1 node' : `${count} nodes`;
}
