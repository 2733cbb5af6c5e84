/**
 * Whether a node takes a job, resources aside: taints and tolerations, node
 * selectors, required node affinity, by the rules of Kubernetes' scheduler
 * ("Taints and Tolerations", "Assigning Pods to Nodes").
 */
import type {
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  Taint,
  Toleration,
} from '@armada-ts/api/k8s/io/api/core/v1/core';

/** Label that tells one node from another; a node without it is given its own name. */
export const HOSTNAME_LABEL = 'kubernetes.io/hostname';

/** The only field that matchFields may name. */
const NAME_FIELD = 'metadata.name';

const INTEGER = /^[+-]?\d{1,18}$/;

/** Whether a taint keeps jobs away; the preference PreferNoSchedule is ignored. */
export function isHard(taint: Taint): boolean {
  return taint.effect === 'NoSchedule' || taint.effect === 'NoExecute';
}

/** The first hard taint that no toleration covers. */
export function untolerated(taints: readonly Taint[], tolerations: readonly Toleration[]): Taint | undefined {
  return taints.find(
    (taint) => isHard(taint) && !tolerations.some((toleration) => tolerates(toleration, taint)),
  );
}

/** An empty effect covers all effects, an empty key with Exists all taints. */
function tolerates(toleration: Toleration, taint: Taint): boolean {
  const { key = '', operator = '', value = '', effect = '' } = toleration;
  if (effect !== '' && effect !== taint.effect) return false;
  if (operator === 'Exists') return key === '' || key === taint.key;
  if (operator !== '' && operator !== 'Equal') return false;
  return key === (taint.key ?? '') && value === (taint.value ?? '');
}

/** The first label of the selector that the node lacks or has with another value. */
export function unselected(
  selector: Iterable<readonly [string, string]>,
  labels: ReadonlyMap<string, string>,
): readonly [string, string] | undefined {
  for (const pair of selector) {
    if (labels.get(pair[0]) !== pair[1]) return pair;
  }
  return undefined;
}

/** Terms are alternatives; a term without requirements matches nothing, as Kubernetes has it. */
export function matchesAffinity(
  affinity: NodeSelector,
  labels: ReadonlyMap<string, string>,
  nodeName: string,
): boolean {
  return affinity.nodeSelectorTerms.some((term) => matchesTerm(term, labels, nodeName));
}

function matchesTerm(term: NodeSelectorTerm, labels: ReadonlyMap<string, string>, nodeName: string): boolean {
  if (term.matchExpressions.length === 0 && term.matchFields.length === 0) return false;
  return (
    term.matchExpressions.every((one) => holds(one, labels.get(one.key ?? ''))) &&
    term.matchFields.every((one) => one.key === NAME_FIELD && holds(one, nodeName))
  );
}

function holds(requirement: NodeSelectorRequirement, value: string | undefined): boolean {
  const { operator = '' } = requirement;
  switch (operator) {
    case 'In':
      return value !== undefined && requirement.values.includes(value);
    case 'NotIn':
      return value === undefined || !requirement.values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return compareIntegers(value, requirement.values, (found, bound) => found > bound);
    case 'Lt':
      return compareIntegers(value, requirement.values, (found, bound) => found < bound);
    default:
      return false;
  }
}

function compareIntegers(
  value: string | undefined,
  bounds: readonly string[],
  compare: (found: bigint, bound: bigint) => boolean,
): boolean {
  const [bound] = bounds;
  if (value === undefined || bound === undefined || bounds.length !== 1) return false;
  return INTEGER.test(value) && INTEGER.test(bound) && compare(BigInt(value), BigInt(bound));
}

/** Label keys that decide whether a class matches, the host's own name aside. */
export function mentionedLabels(
  selector: ReadonlyMap<string, string>,
  affinity: NodeSelector | undefined,
): Set<string> {
  const keys = new Set(selector.keys());
  for (const term of affinity?.nodeSelectorTerms ?? []) {
    for (const one of term.matchExpressions) keys.add(one.key ?? '');
  }
  keys.delete(HOSTNAME_LABEL);
  return keys;
}

/** Whether the affinity tells single hosts apart, so that it must be asked node by node. */
export function namesHosts(affinity: NodeSelector): boolean {
  return affinity.nodeSelectorTerms.some(
    (term) => term.matchFields.length > 0 || term.matchExpressions.some((one) => one.key === HOSTNAME_LABEL),
  );
}

/** The only hosts that can match, where selector or affinity list them; undefined when they do not. */
export function hostsNamed(
  selector: ReadonlyMap<string, string>,
  affinity: NodeSelector | undefined,
): string[] | undefined {
  const host = selector.get(HOSTNAME_LABEL);
  if (host !== undefined) return [host];
  if (affinity === undefined) return undefined;
  const hosts = new Set<string>();
  for (const term of affinity.nodeSelectorTerms) {
    const listed =
      term.matchExpressions.find((one) => one.key === HOSTNAME_LABEL && one.operator === 'In') ??
      term.matchFields.find((one) => one.key === NAME_FIELD && one.operator === 'In');
    if (listed === undefined) return undefined;
    for (const one of listed.values) hosts.add(one);
  }
  return [...hosts];
}
