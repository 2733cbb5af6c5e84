import type { NodeSelectorRequirement, PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { isLabelKey, isLabelValue, shown } from '../model/names.ts';

/** Takes one fault: its field, and what is wrong. */
export type Report = (field: string, message: string) => void;

/**
 * Node affinity: the required part must be a selector that Kubernetes accepts,
 * the preferred part is refused because nothing would honour it. (Kubernetes:
 * "Affinity and anti-affinity", NodeSelector.)
 */
export function checkAffinity(spec: PodSpec, at: string, report: Report): void {
  const affinity = spec.affinity?.nodeAffinity;
  if (affinity === undefined) return;
  const field = `${at}.affinity.nodeAffinity`;
  if (affinity.preferredDuringSchedulingIgnoredDuringExecution.length > 0) {
    report(
      `${field}.preferredDuringSchedulingIgnoredDuringExecution`,
      'must be left out: preferred affinity is not supported',
    );
  }
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  if (required === undefined) return;
  const terms = `${field}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms`;
  if (required.nodeSelectorTerms.length === 0) report(terms, 'must have at least one term');
  required.nodeSelectorTerms.forEach((term, i) => {
    term.matchExpressions.forEach((one, j) =>
      checkExpression(one, `${terms}[${i}].matchExpressions[${j}]`, report),
    );
    term.matchFields.forEach((one, j) => checkField(one, `${terms}[${i}].matchFields[${j}]`, report));
  });
}

function checkExpression(requirement: NodeSelectorRequirement, at: string, report: Report): void {
  const { key = '', operator = '', values } = requirement;
  if (!isLabelKey(key)) report(`${at}.key`, `must be a label key, got ${shown(key)}`);
  const count = values.length;
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (count === 0) report(`${at}.values`, `must have at least one value for operator ${operator}`);
      values.forEach((value, i) => {
        if (!isLabelValue(value)) report(`${at}.values[${i}]`, `must be a label value, got ${shown(value)}`);
      });
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (count > 0) report(`${at}.values`, `must be empty for operator ${operator}, got ${count} values`);
      break;
    case 'Gt':
    case 'Lt':
      if (count !== 1 || !/^[+-]?\d{1,18}$/.test(values[0] ?? '')) {
        report(
          `${at}.values`,
          `must be one whole number for operator ${operator}, got ${shown(values.join(', '))}`,
        );
      }
      break;
    default:
      report(`${at}.operator`, `must be In, NotIn, Exists, DoesNotExist, Gt or Lt, got ${shown(operator)}`);
  }
}

/** Kubernetes knows one field of a node, its name. */
function checkField(requirement: NodeSelectorRequirement, at: string, report: Report): void {
  const { key = '', operator = '', values } = requirement;
  if (key !== 'metadata.name') report(`${at}.key`, `must be metadata.name, got ${shown(key)}`);
  if (operator !== 'In' && operator !== 'NotIn')
    report(`${at}.operator`, `must be In or NotIn, got ${shown(operator)}`);
  if (values.length !== 1) report(`${at}.values`, `must have exactly one value, got ${values.length}`);
}
