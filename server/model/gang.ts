/**
 * Gangs: jobs that start together or not at all. Membership is written in each
 * member's annotations; its scope is the queue, not the job set.
 */
import type { Gang } from '@armada-ts/api/armada/store/v1/store';
import { FAIL_FAST, GANG_CARDINALITY, GANG_ID, GANG_UNIFORMITY_LABEL } from './annotations.ts';
import { printableFault } from './names.ts';

/** A gang is in a job record as an unsigned 32-bit number. */
const MAX_CARDINALITY = 2 ** 32 - 1;

/** The gang a job belongs to, if any, and what is wrong with how it says so; fields are `annotations[…]`. */
export interface GangMembership {
  gang: Gang | undefined;
  faults: readonly { field: string; message: string }[];
}

const NO_GANG: GangMembership = { gang: undefined, faults: [] };

/** Reads the gang annotations of a job. A cardinality of 1 is no gang. */
export function gangOf(annotations: ReadonlyMap<string, string>): GangMembership {
  const id = annotations.get(GANG_ID);
  if (id === undefined) return NO_GANG;
  const faults: { field: string; message: string }[] = [];
  const idFault = id === '' ? 'must not be empty' : printableFault(id);
  if (idFault !== undefined) faults.push({ field: `annotations[${GANG_ID}]`, message: idFault });

  const text = annotations.get(GANG_CARDINALITY);
  const cardinality = text !== undefined && /^\+?\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(cardinality >= 1 && cardinality <= MAX_CARDINALITY)) {
    const found = text === undefined ? 'nothing' : JSON.stringify(text);
    faults.push({
      field: `annotations[${GANG_CARDINALITY}]`,
      message: `must be the number of members of the gang, 1 or more, got ${found}`,
    });
  }
  if (faults.length === 0 && cardinality === 1) return NO_GANG;

  const failFast = annotations.get(FAIL_FAST);
  if (failFast !== undefined && failFast !== 'true') {
    faults.push({
      field: `annotations[${FAIL_FAST}]`,
      message: `must be "true" for a member of a gang, got ${JSON.stringify(failFast)}`,
    });
  }
  if (faults.length > 0) return { gang: undefined, faults };
  return { gang: { id, cardinality, uniformityLabel: annotations.get(GANG_UNIFORMITY_LABEL) ?? '' }, faults };
}
