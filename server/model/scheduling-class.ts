/**
 * Scheduling classes: jobs that need the same of a node share one, so that the
 * scheduler asks each question once per class and never per job. A class is
 * named by a hash of its content, so equal needs have equal names on every
 * server and for good.
 */
import { hash } from 'node:crypto';
import { SchedulingClass } from '@armada-ts/api/armada/store/v1/store';
import type {
  Container,
  NodeSelectorRequirement,
  PodSpec,
  Toleration,
} from '@armada-ts/api/k8s/io/api/core/v1/core';
import type { Quantity } from '@armada-ts/api/k8s/io/apimachinery/pkg/api/resource/quantity';
import { requiredAffinity, sameToleration, totalRequests } from './requirements.ts';

/** Hexadecimal digits of a class id: 128 bits of SHA-256. */
const ID_LENGTH = 32;

/** Finds the class of a pod spec. Classes are shared: do not change them. */
export type Classify = (spec: PodSpec) => SchedulingClass;

/**
 * A classifier that remembers the specs it has seen by the exact texts they
 * use, so that a repeated spec costs about a microsecond and no hash.
 * @param maxRemembered specs; beyond it the oldest are forgotten
 */
export function createClassifier(maxRemembered = 10_000): Classify {
  const remembered = new Map<string, SchedulingClass>();
  return (spec) => {
    const key = keyOf(spec);
    let known = remembered.get(key);
    if (known === undefined) {
      known = schedulingClassOf(spec);
      if (remembered.size >= maxRemembered) {
        const oldest = remembered.keys().next();
        if (!oldest.done) remembered.delete(oldest.value);
      }
      remembered.set(key, known);
    }
    return known;
  };
}

/** The class of a pod spec whose defaults are filled in. */
export function schedulingClassOf(spec: PodSpec): SchedulingClass {
  const affinity = requiredAffinity(spec);
  const content: SchedulingClass = {
    id: '',
    requests: sorted(totalRequests(spec)),
    nodeSelector: sorted(spec.nodeSelector),
    tolerations: canonicalTolerations(spec.tolerations),
    requiredAffinity: affinity && {
      nodeSelectorTerms: affinity.nodeSelectorTerms.map((term) => ({
        matchExpressions: term.matchExpressions.map(copyRequirement),
        matchFields: term.matchFields.map(copyRequirement),
      })),
    },
    priorityClass: spec.priorityClassName ?? '',
  };
  const id = hash('sha256', SchedulingClass.encode(content).finish(), 'hex').slice(0, ID_LENGTH);
  return { ...content, id };
}

/** Everything the class depends on, as text that no two different specs share. */
function keyOf(spec: PodSpec): string {
  let key = part(spec.priorityClassName ?? '');
  for (const container of spec.containers) key += containerKey('c', container);
  for (const container of spec.initContainers) {
    key += containerKey(container.restartPolicy === 'Always' ? 's' : 'i', container);
  }
  if (spec.resources !== undefined) key += `r${quantitiesKey(spec.resources.requests)}`;
  if (spec.overhead.size > 0) key += `o${quantitiesKey(spec.overhead)}`;
  for (const [label, value] of spec.nodeSelector) key += `n${part(label)}${part(value)}`;
  for (const { key: taint, operator, value, effect } of spec.tolerations) {
    key += `t${part(taint)}${part(operator)}${part(value)}${part(effect)}`;
  }
  for (const term of requiredAffinity(spec)?.nodeSelectorTerms ?? []) {
    key += 'T';
    for (const requirement of term.matchExpressions) key += `e${requirementKey(requirement)}`;
    for (const requirement of term.matchFields) key += `f${requirementKey(requirement)}`;
  }
  return requiredAffinity(spec) === undefined ? key : `${key}A`;
}

function containerKey(kind: string, container: Container): string {
  const list = container.resources;
  return list === undefined ? kind : `${kind}${quantitiesKey(list.requests)}l${quantitiesKey(list.limits)}`;
}

function quantitiesKey(quantities: ReadonlyMap<string, Quantity>): string {
  let key = '';
  for (const [resource, quantity] of quantities) key += part(resource) + part(quantity.string);
  return key;
}

function requirementKey(requirement: NodeSelectorRequirement): string {
  return `${part(requirement.key)}${part(requirement.operator)}${requirement.values.map(part).join('')};`;
}

/** Length before content, so that neighbouring texts cannot run into each other. */
function part(text: string | undefined): string {
  return text === undefined ? '-' : `${text.length}:${text}`;
}

function sorted<V>(map: ReadonlyMap<string, V>): Map<string, V> {
  return new Map([...map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}

/** Without repeats, in an order of their own; what does not matter for placing (seconds, unknown fields) is left out. */
function canonicalTolerations(tolerations: readonly Toleration[]): Toleration[] {
  const distinct = tolerations.filter(
    (toleration, index) => tolerations.findIndex((other) => sameToleration(toleration, other)) === index,
  );
  return distinct
    .map(({ key, operator, value, effect }) => ({ key, operator, value, effect }))
    .map((toleration) => ({ toleration, order: JSON.stringify(Object.values(toleration)) }))
    .sort((a, b) => (a.order < b.order ? -1 : a.order > b.order ? 1 : 0))
    .map(({ toleration }) => toleration);
}

function copyRequirement({ key, operator, values }: NodeSelectorRequirement): NodeSelectorRequirement {
  return { key, operator, values };
}
