/**
 * Scheduling classes as the round uses them. All jobs that need the same of a
 * node and must avoid the same nodes share one, so each question (does this
 * type match, is there room) is asked once for all of them.
 */
import type { SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import type { NodeSelector } from '@armada-ts/api/k8s/io/api/core/v1/core';
import {
  HOSTNAME_LABEL,
  hostsNamed,
  matchesAffinity,
  mentionedLabels,
  namesHosts,
  unselected,
  untolerated,
} from './match.ts';
import { type Nodes, nodeKey, rebuildTypes } from './nodes.ts';
import { unblock } from './pools.ts';
import { RANKED_COLUMNS, toColumnUnit } from './resources.ts';

/** One class; the caller does not change it. */
export interface JobClass {
  readonly index: number;
  readonly source: SchedulingClass;
  /** Keys of nodes (nodeKey) on which a run of such a job has failed to stay. */
  readonly avoided: ReadonlySet<string>;
  /** Of the priority class; higher first. */
  readonly priority: number;
  /** What it asks for, in column units. */
  request: Float64Array;
  /** Resources it asks for that no node has offered so far. */
  unoffered: string[];
  /** Node selector without the hostname. */
  readonly selector: readonly (readonly [string, string])[];
  readonly labels: ReadonlySet<string>;
  /** Where selector or affinity list single hosts: no other can match. */
  readonly hosts: readonly string[] | undefined;
  /** Affinity that must be asked node by node, for it tells hosts apart. */
  readonly hostAffinity: NodeSelector | undefined;
  /** Whether single nodes of a matching type may be refused. */
  readonly asksNodes: boolean;
  /** By node type: 0 not asked yet, 1 does not match, 2 matches. */
  matches: Uint8Array;
  generation: number;
  /** Live jobs of this class. */
  jobs: number;
}

export interface Classes {
  readonly list: (JobClass | undefined)[];
  readonly byKey: Map<string, number>;
  readonly unused: number[];
  /** Classes whose labels have not been compared with those of the nodes yet. */
  readonly unasked: Set<JobClass>;
  /** Resource columns there were when requests were last read. */
  columns: number;
}

export function createClasses(): Classes {
  return { list: [], byKey: new Map(), unused: [], unasked: new Set(), columns: RANKED_COLUMNS };
}

/** The class of jobs with these needs and avoided nodes; made at first use. */
export function ensureClass(
  classes: Classes,
  nodes: Nodes,
  needs: { source: SchedulingClass; avoided: readonly string[]; priority: number },
): JobClass {
  const key = classKey(needs.source.id, needs.avoided);
  const known = classes.list[classes.byKey.get(key) ?? -1];
  if (known) return known;
  const index = classes.unused.pop() ?? classes.list.length;
  const { source } = needs;
  const affinity = source.requiredAffinity;
  const hosts = hostsNamed(source.nodeSelector, affinity);
  const asksAffinity = affinity !== undefined && (hosts !== undefined || namesHosts(affinity));
  const made: JobClass = {
    index,
    source,
    avoided: new Set(needs.avoided),
    priority: needs.priority,
    request: new Float64Array(RANKED_COLUMNS),
    unoffered: [],
    selector: [...source.nodeSelector].filter(([label]) => label !== HOSTNAME_LABEL),
    labels: mentionedLabels(source.nodeSelector, affinity),
    hosts,
    hostAffinity: asksAffinity ? affinity : undefined,
    asksNodes: hosts !== undefined || asksAffinity || needs.avoided.length > 0,
    matches: new Uint8Array(0),
    generation: -1,
    jobs: 0,
  };
  setRequest(made, nodes);
  classes.list[index] = made;
  classes.byKey.set(key, index);
  classes.unasked.add(made);
  for (const pool of nodes.pools) unblock(pool, index);
  return made;
}

/** Forgets a class that no live job has any more. */
export function dropClass(classes: Classes, jobClass: JobClass): void {
  classes.list[jobClass.index] = undefined;
  classes.byKey.delete(classKey(jobClass.source.id, [...jobClass.avoided]));
  classes.unasked.delete(jobClass);
  classes.unused.push(jobClass.index);
}

/**
 * Brings classes and nodes together after either has changed: labels that a
 * class mentions and some node has begin to tell node types apart, resources
 * that are offered for the first time get their column. Called before a round.
 */
export function reconcile(classes: Classes, nodes: Nodes): void {
  const telling = (label: string): boolean => nodes.seenLabels.has(label) && !nodes.tellingLabels.has(label);
  const found: string[] = [];
  const grown = nodes.newLabels.size > 0;
  for (const label of nodes.newLabels) nodes.seenLabels.add(label);
  nodes.newLabels.clear();
  const toAsk: Iterable<JobClass | undefined> = grown ? classes.list : classes.unasked;
  for (const one of toAsk) {
    for (const label of one?.labels ?? []) if (telling(label)) found.push(label);
  }
  classes.unasked.clear();
  for (const label of found) nodes.tellingLabels.add(label);
  if (classes.columns !== nodes.resources.names.length) noticeResources(classes, nodes);
  const isCluttered = nodes.types.length > 64 + 2 * nodes.byKey.size;
  if (found.length > 0 || isCluttered) rebuildTypes(nodes);
}

/** Reads the requests of classes anew that ask for something no node had offered. */
function noticeResources(classes: Classes, nodes: Nodes): void {
  classes.columns = nodes.resources.names.length;
  for (const one of classes.list) {
    if (!one?.unoffered.some((name) => nodes.resources.columns.has(name))) continue;
    setRequest(one, nodes);
    for (const pool of nodes.pools) unblock(pool, one.index);
  }
}

/** Whether jobs of the class may run on nodes of this type, single hosts aside. */
export function matchesType(jobClass: JobClass, nodes: Nodes, type: number): boolean {
  if (jobClass.generation !== nodes.typesGeneration || jobClass.matches.length < nodes.types.length) {
    const kept = jobClass.generation === nodes.typesGeneration ? jobClass.matches : undefined;
    jobClass.matches = new Uint8Array(nodes.types.length + 8);
    if (kept) jobClass.matches.set(kept);
    jobClass.generation = nodes.typesGeneration;
  }
  const asked = jobClass.matches[type];
  if (asked) return asked === 2;
  const nodeType = nodes.types[type];
  const { source, selector, hostAffinity } = jobClass;
  const matches =
    nodeType !== undefined &&
    untolerated(nodeType.taints, source.tolerations) === undefined &&
    unselected(selector, nodeType.labels) === undefined &&
    (source.requiredAffinity === undefined ||
      hostAffinity !== undefined ||
      matchesAffinity(source.requiredAffinity, nodeType.labels, ''));
  jobClass.matches[type] = matches ? 2 : 1;
  return matches;
}

/** Whether jobs of the class may run on this node of a matching type, resources aside. */
export function matchesNode(jobClass: JobClass, nodes: Nodes, node: number): boolean {
  if (!jobClass.asksNodes) return true;
  const facts = nodes.facts[node];
  if (facts === undefined) return false;
  const host = jobClass.source.nodeSelector.get(HOSTNAME_LABEL);
  if (host !== undefined && facts.labels.get(HOSTNAME_LABEL) !== host) return false;
  if (jobClass.hostAffinity && !matchesAffinity(jobClass.hostAffinity, facts.labels, facts.name))
    return false;
  return !jobClass.avoided.has(nodeKey(facts.executorId, facts.name));
}

function setRequest(jobClass: JobClass, nodes: Nodes): void {
  const { columns } = nodes.resources;
  const wanted = [...jobClass.source.requests].filter(([, amount]) => amount > 0);
  jobClass.unoffered = wanted.map(([name]) => name).filter((name) => !columns.has(name));
  const width = Math.max(RANKED_COLUMNS, ...wanted.map(([name]) => (columns.get(name) ?? 0) + 1));
  const request = new Float64Array(width);
  for (const [name, amount] of wanted) {
    const column = columns.get(name);
    if (column !== undefined) request[column] = toColumnUnit(name, amount, 'up');
  }
  jobClass.request = request;
}

function classKey(id: string, avoided: readonly string[]): string {
  return [id, ...avoided.toSorted()].join('\n');
}
