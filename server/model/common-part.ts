/** What many jobs have in common. Where a million records are kept, it is kept once. */
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';

export type CommonPart = Pick<
  JobRecord,
  'owner' | 'groups' | 'namespace' | 'schedulingClass' | 'atMostOnce' | 'failFast'
>;

export function isSameCommonPart(one: CommonPart, other: CommonPart): boolean {
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

/** A record without its common part, and without its id, queue and job set, which are known by its place. */
export function withoutCommonPart(record: JobRecord): JobRecord {
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
