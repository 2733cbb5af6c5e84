/**
 * The configuration of submits in the form in which checking and defaulting
 * use it, worked out once.
 */
import type { Toleration } from '@armada-ts/api/k8s/io/api/core/v1/core';
import type { Quantity } from '@armada-ts/api/k8s/io/apimachinery/pkg/api/resource/quantity';
import type { PriorityClasses } from '../model/priority-class.ts';
import { parseAmount } from '../model/resources.ts';
import type { SubmissionConfig, TolerationConfig } from './config.ts';

export interface SubmitRules extends SubmissionConfig {
  priorityClasses: PriorityClasses;
  /** minJobResources in base units. */
  minAmounts: ReadonlyMap<string, number>;
  /** defaultJobLimits as they stand in a pod spec. */
  defaultLimits: ReadonlyMap<string, Quantity>;
  restrictedTolerations: ReadonlySet<string>;
  /** Tolerations for every job, then those of its class, by class; undefined for "no class of its own". */
  tolerationsByClass: ReadonlyMap<string, readonly Toleration[]>;
  tolerationsForAll: readonly Toleration[];
  tolerationsByResource: ReadonlyMap<string, readonly Toleration[]>;
  /** Deadlines by resource, in seconds. */
  deadlinesByResource: ReadonlyMap<string, number>;
}

/** @param config as the schema has checked it */
export function submitRules(
  config: SubmissionConfig,
  priorityClasses: Readonly<Record<string, { priority: number; preemptible: boolean }>>,
): SubmitRules {
  const forAll = config.defaultJobTolerations.map(tolerationOf);
  return {
    ...config,
    priorityClasses: new Map(Object.entries(priorityClasses)),
    minAmounts: new Map(
      Object.entries(config.minJobResources).map(([name, text]) => [name, amountOf(name, text)]),
    ),
    defaultLimits: new Map(
      Object.entries(config.defaultJobLimits).map(([name, string]) => [name, { string }]),
    ),
    restrictedTolerations: new Set(config.restrictedTolerationKeys),
    tolerationsForAll: forAll,
    tolerationsByClass: new Map(
      Object.entries(config.defaultJobTolerationsByPriorityClass).map(([name, list]) => [
        name,
        [...forAll, ...list.map(tolerationOf)],
      ]),
    ),
    tolerationsByResource: new Map(
      Object.entries(config.defaultJobTolerationsByResourceRequest).map(([name, list]) => [
        name,
        list.map(tolerationOf),
      ]),
    ),
    deadlinesByResource: new Map(Object.entries(config.defaultActiveDeadlineByResourceRequestSeconds)),
  };
}

function amountOf(resource: string, text: string): number {
  const amount = parseAmount(resource, text, 'up');
  if (!amount.ok) throw new Error(`minJobResources: ${resource} ${amount.fault}`);
  return amount.value;
}

function tolerationOf({ key, operator, value, effect }: TolerationConfig): Toleration {
  return { key, operator, value, effect };
}
