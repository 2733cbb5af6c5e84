import { JobState } from '@armada-ts/api/api/job';
import { LeaseRequest, type NodeInfo } from '@armada-ts/api/executorapi/executorapi';
import { quantity } from './nodes.ts';
import { parseQuantity } from './quantity.ts';
import { type HeldRun, type RunState, hasEnded } from './runtime.ts';

/** What an executor says of itself with every request. */
export interface ExecutorFacts {
  executorId: string;
  pool: string;
  nodes: readonly NodeInfo[];
  /** Most leases to be sent before the next request. */
  maxJobsToLease: number;
}

/** Says what the executor has and what it holds. Pure. */
export function leaseRequest(facts: ExecutorFacts, held: Iterable<HeldRun>): LeaseRequest {
  const { executorId, pool, maxJobsToLease } = facts;
  const byNode = new Map(facts.nodes.map((node) => [node.name, new Map<string, JobState>()]));
  const unassignedJobRunIds: string[] = [];
  for (const run of held) {
    const node = byNode.get(run.node);
    if (node !== undefined) node.set(run.runId, jobStateOf(run.state));
    else if (!hasEnded(run.state)) unassignedJobRunIds.push(run.runId);
  }
  const nodes = facts.nodes.map((node) => ({
    ...node,
    runIdsByState: byNode.get(node.name) ?? new Map<string, JobState>(),
  }));
  return {
    ...LeaseRequest.create(),
    executorId,
    pool,
    resources: sumOf(facts.nodes),
    nodes,
    maxJobsToLease,
    unassignedJobRunIds,
  };
}

function jobStateOf(state: RunState): JobState {
  switch (state.phase) {
    case 'pending':
      return JobState.PENDING;
    case 'running':
      return JobState.RUNNING;
    case 'succeeded':
      return JobState.SUCCEEDED;
    case 'failed':
    case 'stopped':
      return JobState.FAILED;
  }
}

/** What all nodes offer together. What runs take of it the server counts by itself. */
function sumOf(nodes: readonly NodeInfo[]): LeaseRequest['resources'] {
  const sums = new Map<string, number>();
  for (const node of nodes) {
    for (const [resource, amount] of node.availableResources) {
      sums.set(resource, (sums.get(resource) ?? 0) + (parseQuantity(amount.string ?? '') ?? 0));
    }
  }
  return new Map(Array.from(sums, ([resource, sum]) => [resource, quantity(asText(sum))]));
}

function asText(amount: number): string {
  return Number.isInteger(amount) ? String(BigInt(amount)) : `${BigInt(Math.round(amount * 1_000))}m`;
}
