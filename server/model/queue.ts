/**
 * The rules of a queue: what it may look like, and the form in which it is
 * kept. Owners are only another way to write a permissions entry with every
 * verb, so they are folded into one.
 */
import type { Queue, Queue_Permissions } from '@armada-ts/api/api/queue';
import { printableFault, queueNameFault, shown } from './names.ts';

/** What can be done on a queue, and hence granted. Unknown verbs are kept and grant nothing. */
export const QUEUE_VERBS = ['submit', 'cancel', 'preempt', 'reprioritize', 'watch'] as const;
export type QueueVerb = (typeof QUEUE_VERBS)[number];

type FieldFault = { field: string; message: string };

/** Everything that is wrong with a queue somebody wants to create or update. */
export function queueFaults(queue: Queue): FieldFault[] {
  const faults: FieldFault[] = [];
  const check = (field: string, message: string | undefined): void => {
    if (message !== undefined) faults.push({ field, message });
  };
  check('name', queueNameFault(queue.name));
  if (!(Number.isFinite(queue.priorityFactor) && queue.priorityFactor >= 1)) {
    check('priority_factor', `must be a finite number, 1 or more, got ${queue.priorityFactor}`);
  }
  queue.userOwners.forEach((owner, i) => check(`user_owners[${i}]`, requiredText(owner)));
  queue.groupOwners.forEach((owner, i) => check(`group_owners[${i}]`, requiredText(owner)));
  queue.permissions.forEach((entry, i) => checkPermissions(entry, `permissions[${i}]`, check));
  for (const [label, value] of queue.labels) {
    check(
      `labels[${label}]`,
      requiredText(label) === undefined ? undefined : `the key ${requiredText(label)}`,
    );
    check(`labels[${label}]`, requiredText(value));
  }
  checkFractions(queue, check);
  queue.retryPolicies.forEach((policy, i) => {
    check(`retry_policies[${i}]`, `must name an existing retry policy, got ${shown(policy)}`);
  });
  return faults;
}

/** The queue as it is kept: owners folded into permissions. */
export function foldOwners(queue: Queue): Queue {
  if (queue.userOwners.length === 0 && queue.groupOwners.length === 0) return queue;
  const owners: Queue_Permissions = {
    subjects: [
      ...queue.userOwners.map((name) => ({ kind: 'User', name })),
      ...queue.groupOwners.map((name) => ({ kind: 'Group', name })),
    ],
    verbs: [...QUEUE_VERBS],
  };
  return { ...queue, userOwners: [], groupOwners: [], permissions: [owners, ...queue.permissions] };
}

/** A new queue that nobody could use belongs to whoever creates it. */
export function ownedQueue(queue: Queue, creator: string): Queue {
  const hasAccess =
    queue.userOwners.length > 0 ||
    queue.groupOwners.length > 0 ||
    queue.permissions.some((entry) => entry.subjects.length > 0);
  return foldOwners(hasAccess ? queue : { ...queue, userOwners: [creator] });
}

type Check = (field: string, message: string | undefined) => void;

function checkPermissions(entry: Queue_Permissions, field: string, check: Check): void {
  entry.subjects.forEach((subject, i) => {
    if (subject.kind !== 'User' && subject.kind !== 'Group') {
      check(`${field}.subjects[${i}].kind`, `must be "User" or "Group", got ${shown(subject.kind)}`);
    }
    check(`${field}.subjects[${i}].name`, requiredText(subject.name));
  });
  entry.verbs.forEach((verb, i) => check(`${field}.verbs[${i}]`, requiredText(verb)));
}

function checkFractions(queue: Queue, check: Check): void {
  const checkAll = (field: string, fractions: ReadonlyMap<string, number>): void => {
    for (const [resource, fraction] of fractions) {
      if (Number.isFinite(fraction) && fraction >= 0) continue;
      check(`${field}[${resource}]`, `must be a finite number, 0 or more, got ${fraction}`);
    }
  };
  checkAll('resource_limits', queue.resourceLimits);
  for (const [name, limits] of queue.resourceLimitsByPriorityClassName) {
    const field = `resource_limits_by_priority_class_name[${name}]`;
    checkAll(`${field}.maximum_resource_fraction`, limits.maximumResourceFraction);
    for (const [pool, byPool] of limits.maximumResourceFractionByPool) {
      checkAll(
        `${field}.maximum_resource_fraction_by_pool[${pool}].maximum_resource_fraction`,
        byPool.maximumResourceFraction,
      );
    }
  }
}

function requiredText(text: string): string | undefined {
  return text === '' ? 'must not be empty' : printableFault(text);
}
