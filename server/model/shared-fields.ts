/** What many jobs share. Where a million records are kept, it is kept once. */
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';

export type SharedFields = Pick<
  JobRecord,
  'owner' | 'groups' | 'namespace' | 'schedulingClass' | 'atMostOnce' | 'failFast'
>;

export function haveSameShared(one: SharedFields, other: SharedFields): boolean {
  return (
    one.owner === other.owner &&
    one.schedulingClass === other.schedulingClass &&
    one.namespace === other.namespace &&
    one.atMostOnce === other.atMostOnce &&
    one.failFast === other.failFast &&
    one.groups.length === other.groups.length &&
    one.groups.every((group, i) => group === other.groups[i])
  );
}

/** A record without what it shares, and without its id, queue and job set, which are known by its place. */
export function withoutShared(record: JobRecord): JobRecord {
  return {
    ...record,
    jobId: '',
    queue: '',
    jobSet: '',
    owner: '',
    groups: [],
    namespace: '',
    schedulingClass: '',
    atMostOnce: false,
    failFast: false,
  };
}

/** Numbers of the fields of JobRecord that withoutShared leaves out. */
export const SHARED_FIELDS: ReadonlySet<number> = new Set([1, 2, 3, 4, 5, 6, 11, 20, 21]);
