/**
 * Amounts of resources as the whole system counts them: by resource name, in
 * integers of the base unit (milli-CPU for cpu; bytes, devices and the like for
 * everything else).
 */
import type { Quantity } from '@armada-ts/api/k8s/io/apimachinery/pkg/api/resource/quantity';
import { shown } from './names.ts';
import {
  type Parsed,
  type QuantityUnit,
  type Rounding,
  parseQuantity,
  printInteger,
  toInteger,
} from './quantity.ts';

export type Resources = Map<string, number>;
export type ReadonlyResources = ReadonlyMap<string, number>;

/** The base unit of a resource. */
export function unitOf(resource: string): QuantityUnit {
  return resource === 'cpu' ? 'milli' : 'one';
}

/** Whole fleets write a few hundred different quantities; this many are remembered. */
const MAX_REMEMBERED = 4096;

/** Texts read before, by unit and rounding: reading one costs about a microsecond, finding it a twentieth. */
const remembered = new Map<string, Map<string, Parsed<number>>>();

/** A quantity of this resource in base units; refuses what is no quantity, negative or beyond exact numbers. */
export function parseAmount(resource: string, text: string, rounding: Rounding): Parsed<number> {
  const unit = unitOf(resource);
  const kind = unit + rounding;
  let known = remembered.get(kind);
  if (known === undefined) {
    known = new Map();
    remembered.set(kind, known);
  }
  let parsed = known.get(text);
  if (parsed === undefined) {
    parsed = readAmount(text, unit, rounding);
    if (known.size >= MAX_REMEMBERED) known.clear();
    known.set(text, parsed);
  }
  return parsed;
}

function readAmount(text: string, unit: QuantityUnit, rounding: Rounding): Parsed<number> {
  const exact = parseQuantity(text);
  if (!exact.ok) return exact;
  const amount = toInteger(exact.value, unit, rounding);
  return amount.ok ? amount : { ok: false, fault: `${amount.fault}, got ${shown(text)}` };
}

/**
 * Amounts of a Kubernetes resource list. What cannot be read counts as more
 * than there can be, so that an unchecked request fits nowhere rather than
 * everywhere; with rounding `down` (capacities) it counts as nothing.
 */
export function resourcesOf(list: ReadonlyMap<string, Quantity>, rounding: Rounding): Resources {
  const resources: Resources = new Map();
  for (const [resource, quantity] of list) {
    const amount = parseAmount(resource, quantity.string ?? '', rounding);
    resources.set(resource, amount.ok ? amount.value : rounding === 'up' ? Number.MAX_SAFE_INTEGER : 0);
  }
  return resources;
}

/** Adds `more` into `sum`. Stays at 2^53 - 1, which fits nowhere, instead of losing exactness. */
export function addResources(sum: Resources, more: ReadonlyResources): void {
  for (const [resource, amount] of more) {
    sum.set(resource, Math.min((sum.get(resource) ?? 0) + amount, Number.MAX_SAFE_INTEGER));
  }
}

/** Raises each amount in `peak` to that of `other`. */
export function raiseResources(peak: Resources, other: ReadonlyResources): void {
  for (const [resource, amount] of other) {
    if (amount > (peak.get(resource) ?? 0)) peak.set(resource, amount);
  }
}

/** Whether every amount asked for is there; asking for 0 of something unknown fits. */
export function fits(requested: ReadonlyResources, available: ReadonlyResources): boolean {
  for (const [resource, amount] of requested) {
    if (amount > (available.get(resource) ?? 0)) return false;
  }
  return true;
}

/** Canonical text of an amount, as Kubernetes prints it. */
export function printAmount(resource: string, amount: number): string {
  return printInteger(amount, unitOf(resource), countsBytes(resource));
}

function countsBytes(resource: string): boolean {
  return (
    resource === 'memory' ||
    resource === 'storage' ||
    resource === 'ephemeral-storage' ||
    resource.startsWith('hugepages-')
  );
}
