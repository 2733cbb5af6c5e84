/**
 * Resources of containers. Jobs are placed by their requests and cut off at
 * their limits, so both must be there for every resource and, unless configured
 * otherwise, be the same: then no job can take what another was promised.
 */
import type { Container, PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import type { Quantity } from '@armada-ts/api/k8s/io/apimachinery/pkg/api/resource/quantity';
import { isLabelKey, shown } from '../model/names.ts';
import { compareQuantities, parseQuantity } from '../model/quantity.ts';
import { parseAmount, printAmount } from '../model/resources.ts';
import type { SubmitRules } from './rules.ts';
import type { Report } from './validate-affinity.ts';

const COMMON_RESOURCES = new Set(['cpu', 'memory', 'ephemeral-storage', 'nvidia.com/gpu']);

/** What a pod spec is checked against, and where faults go. */
export interface PodCheck {
  rules: SubmitRules;
  report: Report;
}

/** Requests and limits of one container. */
export function checkContainerResources(
  container: Container,
  where: { at: string; isInit: boolean },
  check: PodCheck,
): void {
  const { rules, report } = check;
  const list = container.resources;
  if (list === undefined || (list.requests.size === 0 && list.limits.size === 0)) {
    report(`${where.at}.resources`, `must have requests and limits${named(container)}`);
    return;
  }
  for (const [resource, request] of list.requests) {
    if (!checkQuantity(`${where.at}.resources.requests`, resource, request, report)) continue;
    const limit = list.limits.get(resource);
    if (limit === undefined) {
      report(`${where.at}.resources.limits[${resource}]`, 'must be set, as there is a request for it');
    } else if (limit.string !== request.string) {
      checkLimit(`${where.at}.resources.limits[${resource}]`, resource, { request, limit }, check);
    }
    checkMinimum(`${where.at}.resources.requests[${resource}]`, resource, request, check);
    if (where.isInit && resource === 'cpu' && rules.assertInitContainersRequestFractionalCpu) {
      checkFraction(`${where.at}.resources`, { requests: request, limits: limit }, report);
    }
  }
  for (const [resource, limit] of list.limits) {
    if (list.requests.has(resource)) continue;
    if (!checkQuantity(`${where.at}.resources.limits`, resource, limit, report)) continue;
    report(`${where.at}.resources.requests[${resource}]`, 'must be set, as there is a limit for it');
  }
}

/** Amounts set for the pod as a whole. */
export function checkPodResources(spec: PodSpec, at: string, report: Report): void {
  for (const [resource, quantity] of spec.resources?.requests ?? []) {
    checkQuantity(`${at}.resources.requests`, resource, quantity, report);
  }
  for (const [resource, quantity] of spec.resources?.limits ?? []) {
    checkQuantity(`${at}.resources.limits`, resource, quantity, report);
  }
  for (const [resource, quantity] of spec.overhead)
    checkQuantity(`${at}.overhead`, resource, quantity, report);
}

function checkQuantity(field: string, resource: string, quantity: Quantity, report: Report): boolean {
  if (!COMMON_RESOURCES.has(resource) && !isLabelKey(resource)) {
    report(field, `must have names of resources as keys, got ${shown(resource)}`);
    return false;
  }
  const amount = parseAmount(resource, quantity.string ?? '', 'up');
  if (!amount.ok) report(`${field}[${resource}]`, amount.fault);
  return amount.ok;
}

function checkLimit(
  field: string,
  resource: string,
  pair: { request: Quantity; limit: Quantity },
  { rules, report }: PodCheck,
): void {
  const amount = parseAmount(resource, pair.limit.string ?? '', 'up');
  if (!amount.ok) {
    report(field, amount.fault);
    return;
  }
  const request = parseQuantity(pair.request.string ?? '');
  const limit = parseQuantity(pair.limit.string ?? '');
  if (!request.ok || !limit.ok) return;
  const order = compareQuantities(limit.value, request.value);
  const factor = rules.maxOversubscriptionByResourceRequest[resource] ?? 1;
  const found = `${shown(pair.limit.string ?? '')} for a request of ${shown(pair.request.string ?? '')}`;
  if (order < 0) {
    report(field, `must not be less than the request, got ${found}`);
  } else if (order > 0 && factor === 1) {
    report(field, `must equal the request, got ${found}`);
  } else if (order > 0) {
    // The factor is a double, so this one comparison is no more exact than that.
    const times = milliUnits(limit.value) / milliUnits(request.value);
    if (times > factor) report(field, `must be at most ${factor} times the request, got ${found}`);
  }
}

function checkMinimum(field: string, resource: string, request: Quantity, { rules, report }: PodCheck): void {
  const minimum = rules.minAmounts.get(resource);
  if (minimum === undefined) return;
  const amount = parseAmount(resource, request.string ?? '', 'up');
  if (amount.ok && amount.value < minimum) {
    const least = printAmount(resource, minimum);
    report(field, `must be ${least} or more, got ${shown(request.string ?? '')}`);
  }
}

function checkFraction(
  field: string,
  pair: { requests: Quantity; limits: Quantity | undefined },
  report: Report,
): void {
  for (const [list, quantity] of Object.entries(pair)) {
    const amount = parseAmount('cpu', quantity?.string ?? '', 'up');
    if (amount.ok && amount.value > 0 && amount.value % 1000 === 0) {
      report(
        `${field}.${list}[cpu]`,
        `must be a fraction of a core in an init container, such as 100m, got ${shown(quantity?.string ?? '')}`,
      );
    }
  }
}

function milliUnits(quantity: { numerator: bigint; denominator: bigint }): number {
  return Number((quantity.numerator * 1000n) / quantity.denominator);
}

function named(container: Container): string {
  return container.name === undefined ? '' : `: container ${shown(container.name)} has neither`;
}
