/**
 * What a pod may take for itself. Whoever may submit runs code on the fleet;
 * without a policy they could as well own its nodes. The levels are those of the
 * Kubernetes pod security standards, and lists say which names may be used. The
 * server asks before it keeps a job, an executor again before it starts a run.
 */
import { fitsAny } from './name-pattern.ts';
import { type AllowedNames, checkAllowed } from './pod-allowed.ts';
import { checkBaseline } from './pod-baseline.ts';
import { containersOf, type JudgedPod, type Report } from './pod-containers.ts';
import { checkRestricted } from './pod-restricted.ts';

/** `off` allows all, `baseline` nothing that gives a hold on the node, `restricted` only what is hardened. */
export const POD_POLICY_LEVELS = ['off', 'baseline', 'restricted'] as const;

export type PodPolicyLevel = (typeof POD_POLICY_LEVELS)[number];

/** What a job is held to. */
export interface PodRule {
  level: PodPolicyLevel;
  allowed: AllowedNames;
}

export interface PodPolicy extends PodRule {
  exceptions: readonly {
    queues: readonly string[];
    namespaces: readonly string[];
    /** As for all when left out, and likewise `allowed`. */
    level?: PodPolicyLevel | undefined;
    allowed?: AllowedNames | undefined;
  }[];
}

/** What jobs of the queue in the namespace are held to. */
export function podRuleOf(policy: PodPolicy, queue: string, namespace: string): PodRule {
  const exception = policy.exceptions.find(
    ({ queues, namespaces }) => fitsAny(queues, queue) && fitsAny(namespaces, namespace),
  );
  if (!exception) return policy;
  return { level: exception.level ?? policy.level, allowed: exception.allowed ?? policy.allowed };
}

/** Reports whatever the rule does not allow. */
export function checkPodPolicy(pod: JudgedPod, { level, allowed }: PodRule, report: Report): void {
  const containers = containersOf(pod.spec, pod.at);
  checkAllowed(pod, containers, allowed, (field, message) =>
    report(field, `${message} (pod policy: allowed)`),
  );
  if (level === 'off') return;
  const ofLevel: Report = (field, message) => report(field, `${message} (pod policy: ${level})`);
  checkBaseline(pod, containers, ofLevel);
  if (level === 'restricted') checkRestricted(pod, containers, ofLevel);
}
