/**
 * The rules of the round once more, slow and obvious, for the tests: every
 * step looks at every waiting job and every node. It shares no code with the
 * round.
 */
import type { NodeSelectorRequirement, Taint } from '@armada-ts/api/k8s/io/api/core/v1/core';
import type { SchedulingClass } from '@armada-ts/api/armada/store/v1/store';

export interface OracleNode {
  executorId: string;
  name: string;
  pool: string;
  labels: Map<string, string>;
  taints: Taint[];
  /** Column units: milli-cpu, KiB, devices. */
  free: Record<string, number>;
  total: Record<string, number>;
  isListed: boolean;
}

export interface OracleJob {
  id: string;
  queue: string;
  needs: SchedulingClass;
  requests: Record<string, number>;
  classPriority: number;
  priority: number;
  submittedAtMs: number;
  /** `executor/node`. */
  avoided: string[];
}

export interface OracleQueue {
  name: string;
  priorityFactor: number;
  isHeld: boolean;
}

const RANKED = ['nvidia.com/gpu', 'cpu', 'memory', 'ephemeral-storage'];

/** Placements in the order in which they are made: job id and `executor/node`. */
export function oracleRound(
  nodes: OracleNode[],
  queues: OracleQueue[],
  jobs: OracleJob[],
  held: { queue: string; pool: string; requests: Record<string, number> }[],
): [string, string][] {
  const placements: [string, string][] = [];
  const waiting = new Set(jobs);
  const holdings = [...held];
  for (const pool of [...new Set(nodes.map((node) => node.pool))].sort()) {
    const own = nodes.filter((node) => node.pool === pool);
    // Classes without room stand aside: at the start, or once their turn has come in vain.
    const hasRoom = (job: OracleJob): boolean => own.some((node) => fitsNow(job, node));
    const aside = new Set([...waiting].filter((job) => !hasRoom(job)).map(kindOf));
    for (;;) {
      const offers = queues
        .filter((queue) => !queue.isHeld)
        .flatMap((queue) => {
          const [job] = [...waiting]
            .filter((one) => one.queue === queue.name && !aside.has(kindOf(one)))
            .sort(byOrder);
          return job ? [{ queue, job, cost: costWith(queue, job) }] : [];
        });
      offers.sort(
        (a, b) =>
          b.job.classPriority - a.job.classPriority ||
          a.cost - b.cost ||
          (a.queue.name < b.queue.name ? -1 : 1),
      );
      const [first] = offers;
      if (first === undefined) break;
      const [node] = own.filter((one) => fitsNow(first.job, one)).sort(byTightness);
      if (node === undefined) {
        aside.add(kindOf(first.job));
        continue;
      }
      for (const [name, amount] of Object.entries(first.job.requests)) {
        node.free[name] = (node.free[name] ?? 0) - amount;
      }
      holdings.push({ queue: first.queue.name, pool, requests: first.job.requests });
      waiting.delete(first.job);
      placements.push([first.job.id, `${node.executorId}/${node.name}`]);
    }

    function costWith(queue: OracleQueue, job: OracleJob): number {
      let dominant = 0;
      for (const name of RANKED) {
        const total = own.reduce((sum, node) => sum + (node.total[name] ?? 0), 0);
        if (total === 0) continue;
        const mine = holdings.filter((one) => one.queue === queue.name && one.pool === pool);
        const sum = mine.reduce((all, one) => all + (one.requests[name] ?? 0), job.requests[name] ?? 0);
        dominant = Math.max(dominant, sum / total);
      }
      return dominant * queue.priorityFactor;
    }
  }
  return placements;
}

function kindOf(job: OracleJob): string {
  return [job.needs.id, ...job.avoided].join(' ');
}

function byOrder(a: OracleJob, b: OracleJob): number {
  return (
    b.classPriority - a.classPriority ||
    a.priority - b.priority ||
    a.submittedAtMs - b.submittedAtMs ||
    (a.id < b.id ? -1 : 1)
  );
}

function byTightness(a: OracleNode, b: OracleNode): number {
  for (const name of RANKED) {
    const difference = (a.free[name] ?? 0) - (b.free[name] ?? 0);
    if (difference !== 0) return difference;
  }
  if (a.executorId !== b.executorId) return a.executorId < b.executorId ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

function fitsNow(job: OracleJob, node: OracleNode): boolean {
  return (
    node.isListed &&
    Object.entries(job.requests).every(
      ([name, amount]) => amount === 0 || (node.free[name] ?? 0) >= amount,
    ) &&
    RANKED.every((name) => (node.free[name] ?? 0) >= (job.requests[name] ?? 0)) &&
    mayRunOn(job, node)
  );
}

/** Taints, selectors, affinity and avoided nodes. */
export function mayRunOn(job: OracleJob, node: OracleNode): boolean {
  if (job.avoided.includes(`${node.executorId}/${node.name}`)) return false;
  for (const taint of node.taints) {
    if (taint.effect === 'PreferNoSchedule') continue;
    const isCovered = job.needs.tolerations.some(
      (toleration) =>
        (!toleration.effect || toleration.effect === taint.effect) &&
        (toleration.operator === 'Exists'
          ? !toleration.key || toleration.key === taint.key
          : (toleration.key ?? '') === taint.key && (toleration.value ?? '') === (taint.value ?? '')),
    );
    if (!isCovered) return false;
  }
  for (const [label, value] of job.needs.nodeSelector) {
    if (node.labels.get(label) !== value) return false;
  }
  const terms = job.needs.requiredAffinity?.nodeSelectorTerms;
  if (terms === undefined) return true;
  return terms.some(
    (term) =>
      term.matchExpressions.length + term.matchFields.length > 0 &&
      term.matchExpressions.every((one) => requirementHolds(one, node.labels.get(one.key ?? ''))) &&
      term.matchFields.every((one) => requirementHolds(one, node.name)),
  );
}

function requirementHolds(requirement: NodeSelectorRequirement, value: string | undefined): boolean {
  const { operator, values } = requirement;
  if (operator === 'Exists') return value !== undefined;
  if (operator === 'DoesNotExist') return value === undefined;
  if (operator === 'In') return value !== undefined && values.includes(value);
  if (operator === 'NotIn') return value === undefined || !values.includes(value);
  const number = Number.parseInt(value ?? '', 10);
  const bound = Number.parseInt(values[0] ?? '', 10);
  return operator === 'Gt' ? number > bound : number < bound;
}
