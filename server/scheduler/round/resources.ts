/**
 * Resources as columns: each resource name has a column, and a node or a class
 * has one number in it.
 *
 * The ranked resources come first and in this order, because a node's place in
 * the best-fit order and a queue's dominant share are worked out from just
 * them. All others are whatever nodes offer; what no node offers needs no
 * column, for nothing that asks for it fits.
 */
import type { Rounding } from '../../model/quantity.ts';

/** Scarcest first: a node with fewer free devices is filled before one with more. */
export const RANKED = ['nvidia.com/gpu', 'cpu', 'memory', 'ephemeral-storage'] as const;

/** Columns that count for fairness and for the best-fit order. */
export const RANKED_COLUMNS = RANKED.length;

/** Counted in KiB, since the bytes of 10,000 nodes of 1 TiB pass 2^53. */
const IN_KIB: ReadonlySet<string> = new Set(['memory', 'ephemeral-storage']);

export interface ResourceTable {
  readonly names: string[];
  readonly columns: Map<string, number>;
}

export function createResourceTable(): ResourceTable {
  return { names: [...RANKED], columns: new Map(RANKED.map((name, column) => [name, column])) };
}

/** Column of a resource that nodes offer; made when it is new. */
export function ensureColumn(table: ResourceTable, name: string): number {
  let column = table.columns.get(name);
  if (column === undefined) {
    column = table.names.push(name) - 1;
    table.columns.set(name, column);
  }
  return column;
}

/** An amount in base units (model/resources.ts) as its column counts it. */
export function toColumnUnit(name: string, amount: number, rounding: Rounding): number {
  if (!IN_KIB.has(name)) return amount;
  return rounding === 'up' ? Math.ceil(amount / 1024) : Math.floor(amount / 1024);
}

/** The base units of what a column counts. */
export function toBaseUnit(name: string, amount: number): number {
  return IN_KIB.has(name) ? amount * 1024 : amount;
}
