/** The executors and nodes that the scheduler knows, for people: what there is, and what is used of it. */
import type {
  Cordon,
  ExecutorStatus,
  ListExecutorsRequest,
  ListExecutorsResponse,
  ListNodesRequest,
  ListNodesResponse,
  NodeStatus,
} from '@armada-ts/api/armada/operator/v1/fleet';
import type { ReadFleetRequest, ReadFleetResponse } from '@armada-ts/api/armada/server/v1/peers';
import { Drain } from '@armada-ts/api/armada/store/v1/store';
import { type Place, settingsName } from '../model/executor-settings.ts';
import { timestampOf } from '../model/instant.ts';
import { addResources, printAmount, type ReadonlyResources, type Resources } from '../model/resources.ts';
import type { Charge } from './charges.ts';
import type { Executor, Executors } from './executors.ts';
import { nodeKey } from './round/nodes.ts';
import { toBaseUnit } from './round/resources.ts';

const USUAL_PAGE = 500;
/** About a KiB each: what fits into an answer that every gRPC client takes. */
const MAX_PAGE = 1_000;

/** Answers what operators ask of the fleet. */
export function viewFleet(executors: Executors, { question }: ReadFleetRequest): ReadFleetResponse {
  switch (question?.$case) {
    case 'executors':
      return { answer: { $case: 'executors', value: listExecutors(executors, question.value) } };
    case 'nodes':
      return { answer: { $case: 'nodes', value: listNodes(executors, question.value) } };
    case undefined:
      return { answer: undefined };
  }
}

function listExecutors(executors: Executors, request: ListExecutorsRequest): ListExecutorsResponse {
  const { state, byId } = executors;
  const names = new Set([
    ...[...byId.values()].filter(({ isDismissed }) => !isDismissed).map(({ id }) => id),
    ...state.charges.byExecutor.keys(),
    ...[...state.places.values()].map(({ executorId }) => executorId),
  ]);
  const wanted = [...names].filter((name) => request.name === '' || request.name === name);
  const { page, nextPageToken } = pageOf(wanted, request);
  return { executors: page.map((name) => executorStatus(executors, name)), nextPageToken };
}

function listNodes(executors: Executors, request: ListNodesRequest): ListNodesResponse {
  const { state } = executors;
  const places = new Map<string, Place>();
  const isWanted = ({ executorId, node }: Place): boolean =>
    node !== '' &&
    (request.executor === '' || request.executor === executorId) &&
    (request.name === '' || request.name === node);
  const add = (place: Place): void => {
    if (isWanted(place)) places.set(nodeKey(place.executorId, place.node), place);
  };
  for (const facts of state.nodes.facts) if (facts) add({ executorId: facts.executorId, node: facts.name });
  for (const { executorId, node } of state.places.values()) add({ executorId, node });
  const { page, nextPageToken } = pageOf([...places.keys()], request);
  const nodes = page.flatMap((key) => {
    const place = places.get(key);
    return place ? [nodeStatus(executors, place)] : [];
  });
  return { nodes, nextPageToken };
}

/** Keys in rising order, after the one that the token names. */
function pageOf(
  keys: readonly string[],
  { pageSize, pageToken }: { pageSize: number; pageToken: string },
): { page: string[]; nextPageToken: string } {
  const after = Buffer.from(pageToken, 'base64url').toString();
  const size = Math.min(pageSize === 0 ? USUAL_PAGE : pageSize, MAX_PAGE);
  const rest = keys.filter((key) => key > after).sort();
  const page = rest.slice(0, size);
  const isLast = rest.length <= size;
  return { page, nextPageToken: isLast ? '' : Buffer.from(page.at(-1) ?? '').toString('base64url') };
}

function executorStatus(executors: Executors, name: string): ExecutorStatus {
  const { state, byId } = executors;
  const executor = byId.get(name);
  const shown = [...(executor?.nodes.values() ?? [])];
  const charges = [...(state.charges.byExecutor.get(name) ?? [])];
  const capacity: Resources = new Map();
  const used: Resources = new Map();
  const pools = new Set<string>();
  for (const node of new Set([...shown.map((one) => one.node), ...charges.map((one) => one.node)])) {
    addResources(capacity, state.nodes.facts[node]?.capacity ?? new Map());
    addResources(used, usedOf(executors, node));
    pools.add(state.nodes.facts[node]?.pool ?? '');
  }
  if (shown.length === 0) pools.add(executor?.pool ?? '');
  pools.delete('');
  return {
    name,
    pools: [...pools].sort(),
    lastSeen: lastSeenOf(executor),
    lost: executor?.isLost ?? false,
    alive: executor?.isLive ?? false,
    cordon: cordonOf(executors, { executorId: name, node: '' }),
    nodes: shown.length,
    ...countRuns(charges),
    capacity: printed(capacity),
    used: printed(used),
  };
}

function nodeStatus(executors: Executors, place: Place): NodeStatus {
  const { state, byId } = executors;
  const { nodes, charges } = state;
  const executor = byId.get(place.executorId);
  const shown = executor?.nodes.get(place.node);
  const node = nodes.byKey.get(nodeKey(place.executorId, place.node));
  const facts = node === undefined ? undefined : nodes.facts[node];
  return {
    name: place.node,
    executor: place.executorId,
    pool: facts?.pool ?? '',
    unschedulable: shown?.info.unschedulable ?? false,
    cordon: cordonOf(executors, place),
    ...countRuns(node === undefined ? [] : (charges.byNode.get(node) ?? [])),
    capacity: printed(facts?.capacity ?? new Map()),
    used: node === undefined ? new Map() : printed(usedOf(executors, node)),
    lastSeen: shown && lastSeenOf(executor),
  };
}

function lastSeenOf(executor: Executor | undefined) {
  return executor?.wasSeen ? timestampOf(executor.seenAtMs) : undefined;
}

function cordonOf({ state }: Executors, place: Place): Cordon | undefined {
  const settings = state.places.get(settingsName(place));
  if (!settings?.cordoned) return undefined;
  const { setBy, drain } = settings;
  return {
    reason: setBy?.reason ?? '',
    by: setBy?.requestor ?? '',
    at: setBy && timestampOf(setBy.atMs),
    draining: drain !== Drain.DRAIN_UNSPECIFIED,
    letRunningFinish: drain === Drain.DRAIN_NOT_RUNNING,
  };
}

function countRuns(charges: Iterable<Charge>): { runs: number; stoppingRuns: number } {
  let runs = 0;
  let stoppingRuns = 0;
  for (const { state, takesRoom } of charges) {
    if (state !== 'leaving') runs++;
    else if (takesRoom) stoppingRuns++;
  }
  return { runs, stoppingRuns };
}

/** What is taken of the node, in base units. */
function usedOf({ state }: Executors, node: number): Resources {
  const { resources, width, capacity, free } = state.nodes;
  const used: Resources = new Map();
  for (const [column, name] of resources.names.entries()) {
    const at = node * width + column;
    const taken = toBaseUnit(name, (capacity[at] ?? 0) - (free[at] ?? 0));
    if (taken > 0) used.set(name, taken);
  }
  return used;
}

function printed(resources: ReadonlyResources): Map<string, string> {
  return new Map([...resources].map(([name, amount]) => [name, printAmount(name, amount)]));
}
