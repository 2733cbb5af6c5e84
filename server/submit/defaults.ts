/**
 * From a valid item to the job that is kept: everything the item leaves open is
 * filled in, in Armada's order (server: submit, message and pod defaults). The
 * request is not changed; what needs no default is shared with it, unknown
 * fields included.
 */
import type { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { TRACEPARENT_ANNOTATION } from '@armada-ts/api/trace/traceparent';
import type { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { type Container, PodSpec, type Toleration } from '@armada-ts/api/k8s/io/api/core/v1/core';
import {
  AT_MOST_ONCE,
  EXTERNAL_JOB_URI,
  FAIL_FAST,
  GANG_ID,
  GANG_UNIFORMITY_LABEL,
} from '../model/annotations.ts';
import { gangOf } from '../model/gang.ts';
import { totalRequests } from '../model/requirements.ts';
import { parseAmount } from '../model/resources.ts';
import { objectsOf } from './objects.ts';
import type { SubmitRules } from './rules.ts';

/** Namespace of items that name none. */
const DEFAULT_NAMESPACE = 'default';

const MAX_PRIORITY = 2 ** 32 - 1;

/** What a job is told apart by, and who submits it. */
export interface JobIdentity {
  jobId: string;
  queue: string;
  jobSet: string;
  user: string;
  /** Of the call that submits it; undefined when that is not traced. */
  traceparent?: string | undefined;
}

/** The namespace that an item's pod runs in. */
export function namespaceOf({ namespace }: JobSubmitRequestItem): string {
  return namespace === '' ? DEFAULT_NAMESPACE : namespace;
}

/** The job of a valid item. */
export function defaultedJob(
  item: JobSubmitRequestItem,
  identity: JobIdentity,
  rules: SubmitRules,
): SubmitJob {
  const { labels, annotations } = metadata(item, identity, rules);
  const namespace = namespaceOf(item);
  const podSpec = defaultedPodSpec(
    item.podSpec ?? item.podSpecs[0] ?? PodSpec.create(),
    item.requiredNodeLabels,
    rules,
  );
  const hasObjects = item.services.length > 0 || item.ingress.length > 0;
  return {
    deduplicationId: item.clientId,
    priority: wholePriority(item.priority),
    objectMeta: { executorId: '', namespace, name: '', kubernetesId: '', annotations, labels },
    mainObject: {
      object: { $case: 'podSpec', value: { podSpec, nodeAvoidlist: [] } },
      objectMeta: undefined,
    },
    objects: hasObjects
      ? objectsOf(item, podSpec, { ...identity, namespace }, rules.allowCustomServiceNames)
      : [],
    lifetime: 0,
    atMostOnce: annotations.get(AT_MOST_ONCE) === 'true',
    preemptible: rules.priorityClasses.get(podSpec.priorityClassName ?? '')?.preemptible ?? false,
    concurrencySafe: false,
    scheduler: item.scheduler,
    isDuplicate: false,
    jobId: identity.jobId,
    externalJobUri: item.externalJobUri || (annotations.get(EXTERNAL_JOB_URI) ?? ''),
  };
}

/** A priority as it is kept: a whole number from 0 to 2^32 - 1, the nearest to what was asked for. */
export function wholePriority(priority: number): number {
  return Math.round(Math.min(Math.max(priority, 0), MAX_PRIORITY));
}

/** Labels and annotations with the job id put in, and what gangs leave open. */
function metadata(
  item: JobSubmitRequestItem,
  { jobId, traceparent }: JobIdentity,
  rules: SubmitRules,
): { labels: Map<string, string>; annotations: Map<string, string> } {
  let labels = templated(item.labels, jobId);
  let annotations = templated(item.annotations, jobId);
  if (traceparent !== undefined && !annotations.has(TRACEPARENT_ANNOTATION)) {
    annotations = new Map([...annotations, [TRACEPARENT_ANNOTATION, traceparent]]);
  }
  if (annotations.has(GANG_ID)) {
    const { gang } = gangOf(annotations);
    if (gang !== undefined) {
      annotations = new Map([
        [GANG_UNIFORMITY_LABEL, rules.defaultGangNodeUniformityLabel],
        [FAIL_FAST, 'true'],
        ...annotations,
      ]);
      if (rules.addGangIdLabel) labels = new Map([...labels, [GANG_ID, gang.id]]);
    }
  }
  return { labels, annotations };
}

/** `{JobId}` stands for the job id; `{{JobId}}` is how to write the former as it is, without its braces. */
const TEMPLATE = /\{\{JobId\}\}|\{JobId\}/g;

function templated(values: Map<string, string>, jobId: string): Map<string, string> {
  let copy: Map<string, string> | undefined;
  for (const [key, value] of values) {
    if (!value.includes('{JobId}')) continue;
    copy ??= new Map(values);
    copy.set(
      key,
      value.replace(TEMPLATE, (match) => (match === '{JobId}' ? jobId : 'JobId')),
    );
  }
  return copy ?? values;
}

/** A pod spec with deadline, priority class, resources, tolerations and grace period filled in. */
export function defaultedPodSpec(
  spec: PodSpec,
  nodeLabels: ReadonlyMap<string, string>,
  rules: SubmitRules,
): PodSpec {
  const grace = spec.terminationGracePeriodSeconds ?? 0n;
  const filled: PodSpec = {
    ...spec,
    activeDeadlineSeconds: spec.activeDeadlineSeconds || defaultDeadline(spec, rules),
    priorityClassName: spec.priorityClassName || rules.defaultPriorityClassName,
    containers: withLimits(spec.containers, rules),
    initContainers: withLimits(spec.initContainers, rules),
    terminationGracePeriodSeconds: grace === 0n ? BigInt(rules.minTerminationGracePeriodSeconds) : grace,
  };
  if (nodeLabels.size > 0) filled.nodeSelector = new Map([...spec.nodeSelector, ...nodeLabels]);
  filled.tolerations = withTolerations(filled, rules);
  return filled;
}

function defaultDeadline(spec: PodSpec, rules: SubmitRules): bigint {
  let deadlineSeconds = 0;
  for (const [resource, longest] of rules.deadlinesByResource) {
    const isRequested = spec.containers.some((container) => {
      const quantity = container.resources?.requests.get(resource);
      if (quantity === undefined) return false;
      const amount = parseAmount(resource, quantity.string ?? '', 'up');
      return amount.ok && amount.value > 0;
    });
    if (isRequested) deadlineSeconds = Math.max(deadlineSeconds, longest);
  }
  return BigInt(deadlineSeconds === 0 ? rules.defaultActiveDeadlineSeconds : deadlineSeconds);
}

/** The same containers when nothing is missing in any. */
function withLimits(containers: Container[], rules: SubmitRules): Container[] {
  let copy: Container[] | undefined;
  for (const [i, container] of containers.entries()) {
    const list = container.resources;
    let requests = list?.requests;
    let limits = list?.limits;
    for (const [resource, quantity] of rules.defaultLimits) {
      if (requests?.has(resource) || limits?.has(resource)) continue;
      if (requests === list?.requests || limits === list?.limits) {
        requests = new Map(requests);
        limits = new Map(limits);
      }
      requests?.set(resource, quantity);
      limits?.set(resource, quantity);
    }
    if (requests === undefined || limits === undefined || requests === list?.requests) continue;
    copy ??= [...containers];
    copy[i] = { ...container, resources: { claims: [], ...list, requests, limits } };
  }
  return copy ?? containers;
}

/** The job's own, then those for all, for its class and for what it requests; repeats are harmless and kept. */
function withTolerations(spec: PodSpec, rules: SubmitRules): Toleration[] {
  const byClass = rules.tolerationsByClass.get(spec.priorityClassName ?? '') ?? rules.tolerationsForAll;
  const tolerations = [...spec.tolerations, ...byClass];
  if (rules.tolerationsByResource.size === 0) return tolerations;
  let requests: ReadonlyMap<string, number> | undefined;
  for (const [resource, list] of rules.tolerationsByResource) {
    if (!mentions(spec, resource)) continue;
    requests ??= totalRequests(spec);
    if ((requests.get(resource) ?? 0) > 0) tolerations.push(...list);
  }
  return tolerations;
}

/** Whether the resource stands anywhere in the spec: cheaper than the totals, which few jobs need here. */
function mentions(spec: PodSpec, resource: string): boolean {
  const inContainer = ({ resources }: Container): boolean => resources?.requests.has(resource) ?? false;
  return (
    spec.containers.some(inContainer) ||
    spec.initContainers.some(inContainer) ||
    spec.overhead.has(resource) ||
    (spec.resources?.requests.has(resource) ?? false)
  );
}
