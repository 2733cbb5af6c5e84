/**
 * What a pod may take for itself on its node. Whoever may submit runs code on the
 * fleet; without a policy they could as well own its nodes. The levels are those
 * of the Kubernetes pod security standards.
 */
import { fitsAny } from '../model/name-pattern.ts';
import { checkBaseline } from './pod-baseline.ts';
import { containersOf, type JudgedPod } from './pod-containers.ts';
import { checkRestricted } from './pod-restricted.ts';
import type { Report } from './validate-affinity.ts';

/** `off` allows all, `baseline` nothing that gives a hold on the node, `restricted` only what is hardened. */
export const POD_POLICY_LEVELS = ['off', 'baseline', 'restricted'] as const;

export type PodPolicyLevel = (typeof POD_POLICY_LEVELS)[number];

export interface PodPolicyConfig {
  level: PodPolicyLevel;
  exceptions: readonly {
    queues: readonly string[];
    namespaces: readonly string[];
    level: PodPolicyLevel;
  }[];
}

/** The level that a job of the queue in the namespace is held to. */
export function podPolicyLevel(policy: PodPolicyConfig, queue: string, namespace: string): PodPolicyLevel {
  const exception = policy.exceptions.find(
    ({ queues, namespaces }) => fitsAny(queues, queue) && fitsAny(namespaces, namespace),
  );
  return exception?.level ?? policy.level;
}

/** Reports whatever the level does not allow. */
export function checkPodPolicy(pod: JudgedPod, level: PodPolicyLevel, report: Report): void {
  if (level === 'off') return;
  const { spec, at } = pod;
  const named: Report = (field, message) => report(field, `${message} (pod policy: ${level})`);
  const containers = containersOf(spec, at);
  checkBaseline(pod, containers, named);
  if (level === 'restricted') checkRestricted({ spec, at }, containers, named);
}
