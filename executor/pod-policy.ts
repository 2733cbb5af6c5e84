/**
 * The executor's own word on what pods may take for themselves: whatever a server
 * lets through, a run that the policy does not allow never reaches the runtime.
 */
import type { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { ALLOWED_KINDS } from '@armada-ts/api/policy/pod-allowed';
import {
  checkPodPolicy,
  POD_POLICY_LEVELS,
  type PodPolicy,
  podRuleOf,
} from '@armada-ts/api/policy/pod-policy';
import { z } from 'zod';
import type { Clock } from './clock.ts';
import { heldRun } from './held-run.ts';
import type { Logger } from './logger.ts';
import { indexNodes, type NodeIndex, nodeFor } from './nodes.ts';
import type { HeldRun, OpenRuntime, Runtime } from './runtime.ts';

const level = z.enum(POD_POLICY_LEVELS);

const patterns = z.array(z.string().min(1)).min(1);

const allowed = z.partialRecord(z.enum(ALLOWED_KINDS), patterns);

export const podPolicySchema = z.strictObject({
  level: level
    .default('off')
    .describe(
      'What pods may take for themselves, `off`, `baseline` or `restricted`, see [security](security.md#pod-policy). A run of one that asks for more fails before it starts, whatever the server let through.',
    ),
  allowed: allowed
    .default({})
    .describe(
      'Which `namespaces`, `serviceAccounts`, `imageRegistries` and `priorityClasses` they may use, as for the server.',
    ),
  exceptions: z
    .array(
      z.strictObject({
        queues: patterns.default(['*']),
        namespaces: patterns.default(['*']),
        level: level.optional(),
        allowed: allowed.optional(),
      }),
    )
    .default([])
    .describe('Other levels and lists for some queues and namespaces, as for the server.'),
});

export interface PolicedDeps {
  clock: Clock;
  logger: Logger;
}

/** The runtime, but for runs that the policy refuses: they fail at once. */
export function policedRuntime(open: OpenRuntime, policy: PodPolicy, deps: PolicedDeps): OpenRuntime {
  return async (onChange) => {
    const inner = await open(onChange);
    /** Until their failure is reported. */
    const refused = new Map<string, HeldRun>();
    const nodes = indexNodes(inner.nodes());
    const refuse = (lease: JobRunLease, faults: readonly string[]): void => {
      const run = refusedRun(lease, faults, { nodes, atMs: deps.clock.now() });
      deps.logger.warn({ runId: run.runId, jobId: run.jobId, faults }, 'the pod policy refuses a run');
      refused.set(run.runId, run);
      onChange(run);
    };
    return {
      ...bound(inner),
      *held() {
        yield* inner.held();
        yield* refused.values();
      },
      holds: (runId) => inner.holds(runId) || refused.has(runId),
      start(lease) {
        if (refused.has(lease.jobRunId)) return;
        // What runs already goes on, also when the policy has changed since.
        const faults = inner.holds(lease.jobRunId) ? [] : policyFaults(lease, policy);
        if (faults.length === 0) inner.start(lease);
        else refuse(lease, faults);
      },
      forget(runId) {
        if (!refused.delete(runId)) inner.forget(runId);
      },
    };
  };
}

/** What is not touched here. */
function bound(inner: Runtime): Pick<Runtime, 'nodes' | 'stop' | 'log' | 'close'> {
  return {
    nodes: () => inner.nodes(),
    stop: (runId, failure) => inner.stop(runId, failure),
    log: (request) => inner.log(request),
    close: () => inner.close(),
  };
}

/** What the policy has against a run, `field message` each. A lease without a pod is for the runtime to judge. */
function policyFaults({ job, queue }: JobRunLease, policy: PodPolicy): string[] {
  const spec = job?.mainObject?.object?.value.podSpec;
  if (spec === undefined) return [];
  const { namespace = '', annotations = new Map<string, string>() } = job?.objectMeta ?? {};
  const faults: string[] = [];
  const pod = { spec, namespace, annotations, priorityClass: spec.priorityClassName ?? '', at: 'pod_spec' };
  checkPodPolicy(pod, podRuleOf(policy, queue, namespace), (field, message) =>
    faults.push(`${field} ${message}`),
  );
  return faults;
}

/** Final, as it would be refused again and again. */
function refusedRun(
  lease: JobRunLease,
  faults: readonly string[],
  { nodes, atMs }: { nodes: NodeIndex; atMs: number },
): HeldRun {
  const message = `the executor's pod policy refuses it: ${faults.join('; ')}`;
  const failure = { kind: 'podError', message, reason: 'AppError', containers: [] } as const;
  return {
    ...heldRun(lease, nodeFor(lease, nodes), atMs),
    state: { phase: 'failed', finishedAtMs: atMs, failure },
  };
}
