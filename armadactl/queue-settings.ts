import { InvalidArgumentError, Option, type Command } from 'commander';
import type { PriorityClassResourceLimits, Queue, Queue_Permissions } from '@armada-ts/api/api/queue';
import { addToList, addToMap, parsePriorityFactor } from './option-values.ts';

/** What the command line says of a queue; what it does not say stays as it is. */
export interface QueueSettings {
  priorityFactor?: number;
  owners?: readonly string[];
  groupOwners?: readonly string[];
  /** An empty value removes the label. */
  labels?: ReadonlyMap<string, string>;
  cordon?: boolean;
  permission?: readonly PermissionGrant[];
  resourceLimits?: readonly ResourceLimit[];
  retryPolicies?: readonly string[];
}

/** What one subject may do; without verbs nothing. */
interface PermissionGrant {
  kind: string;
  name: string;
  verbs: readonly string[];
}

/** The largest share of a resource for a priority class, in one pool or in each; undefined lifts the limit. */
interface ResourceLimit {
  priorityClass: string;
  pool: string | undefined;
  resource: string;
  fraction: number | undefined;
}

/** Somebody with every one of them owns the queue. */
const VERBS = ['submit', 'cancel', 'preempt', 'reprioritize', 'watch'];

export function addQueueSettings(command: Command): Command {
  return command
    .option(
      '--priority-factor <number>',
      'the larger, the smaller the share of the queue',
      parsePriorityFactor,
    )
    .option('--owners <users>', 'users who may do everything with the queue', addToList)
    .option('--group-owners <groups>', 'groups who may do everything with the queue', addToList)
    .option(
      '--permission <grant>',
      'what somebody may do, as User:anna=submit,watch; repeat for more',
      addGrant,
    )
    .option(
      '--resource-limits <limits>',
      'largest shares, as CLASS:cpu=0.5,memory=0.5 or CLASS@POOL:...',
      addLimits,
    )
    .option('-l, --labels <key=value>', 'labels of the queue', addToMap)
    .option('--retry-policies <names>', 'names of retry policies', addToList)
    .option('--cordon', 'take jobs, but start none')
    .addOption(
      new Option('--priorityFactor <number>', 'the form of 2021').argParser(parsePriorityFactor).hideHelp(),
    )
    .addOption(new Option('--groupOwners <groups>', 'the form of 2021').argParser(addToList).hideHelp());
}

function addGrant(text: string, grants: readonly PermissionGrant[] = []): PermissionGrant[] {
  const [, kind = '', name = '', verbs = ''] = /^(User|Group):([^=]+)=(.*)$/.exec(text) ?? [];
  if (kind === '') throw new InvalidArgumentError('Expected User:NAME=VERBS or Group:NAME=VERBS.');
  const wanted = addToList(verbs);
  const unknown = wanted.find((verb) => !VERBS.includes(verb));
  if (unknown !== undefined) {
    throw new InvalidArgumentError(`"${unknown}" is none of the verbs ${VERBS.join(', ')}.`);
  }
  return [...grants, { kind, name, verbs: wanted }];
}

function addLimits(text: string, limits: readonly ResourceLimit[] = []): ResourceLimit[] {
  const [, priorityClass = '', pool, rest = ''] = /^([^:@]+)(?:@([^:]+))?:(.+)$/.exec(text) ?? [];
  if (priorityClass === '') throw new InvalidArgumentError('Expected CLASS:RESOURCE=FRACTION.');
  const more = addToList(rest).map((pair): ResourceLimit => {
    const [, resource = '', value = ''] = /^([^=]+)=(.*)$/.exec(pair) ?? [];
    const fraction = value === '' ? undefined : Number(value);
    if (resource === '' || (fraction !== undefined && !(fraction >= 0))) {
      throw new InvalidArgumentError(`Expected RESOURCE=FRACTION, got "${pair}".`);
    }
    return { priorityClass, pool, resource, fraction };
  });
  return [...limits, ...more];
}

/** The queue with these settings. */
export function withSettings(queue: Queue, settings: QueueSettings): Queue {
  const { priorityFactor, owners, groupOwners, labels, cordon, permission, resourceLimits, retryPolicies } =
    settings;
  let changed = queue;
  if (priorityFactor !== undefined) changed = { ...changed, priorityFactor };
  if (cordon !== undefined) changed = { ...changed, cordoned: cordon };
  if (retryPolicies) changed = { ...changed, retryPolicies: [...retryPolicies] };
  if (labels) changed = { ...changed, labels: mergedLabels(changed.labels, labels) };
  if (owners || groupOwners) changed = withOwners(changed, { owners, groupOwners });
  for (const grant of permission ?? []) {
    changed = { ...changed, permissions: granted(changed.permissions, grant) };
  }
  for (const limit of resourceLimits ?? []) changed = limited(changed, limit);
  return changed;
}

function mergedLabels(
  before: ReadonlyMap<string, string>,
  given: ReadonlyMap<string, string>,
): Map<string, string> {
  return new Map([...before, ...given].filter(([key]) => given.get(key) !== ''));
}

/**
 * Servers keep owners as a permission with every verb, and it is read back as
 * such; so that is where they are replaced.
 */
export function withOwners(
  queue: Queue,
  {
    owners,
    groupOwners,
  }: { owners?: readonly string[] | undefined; groupOwners?: readonly string[] | undefined },
): Queue {
  const owning = queue.permissions.filter(isOwnership);
  const named = (kind: string) =>
    owning.flatMap(({ subjects }) =>
      subjects.filter((subject) => subject.kind === kind).map(({ name }) => name),
    );
  const others = queue.permissions.filter((entry) => !isOwnership(entry));
  return withFoldedOwners({
    ...queue,
    userOwners: [...(owners ?? [...queue.userOwners, ...named('User')])],
    groupOwners: [...(groupOwners ?? [...queue.groupOwners, ...named('Group')])],
    permissions: others,
  });
}

/** The queue as it will be read back: with its owners among the permissions. */
export function withFoldedOwners(queue: Queue): Queue {
  const subjects = [
    ...queue.userOwners.map((name) => ({ kind: 'User', name })),
    ...queue.groupOwners.map((name) => ({ kind: 'Group', name })),
  ];
  if (subjects.length === 0) return queue;
  const permissions = [{ subjects, verbs: [...VERBS] }, ...queue.permissions];
  return { ...queue, userOwners: [], groupOwners: [], permissions };
}

function isOwnership({ verbs }: Queue_Permissions): boolean {
  return VERBS.every((verb) => verbs.includes(verb));
}

/** Takes the subject out of every entry before it gets one of its own. */
function granted(
  permissions: readonly Queue_Permissions[],
  { kind, name, verbs }: PermissionGrant,
): Queue_Permissions[] {
  const others = permissions
    .map((entry) => ({
      ...entry,
      subjects: entry.subjects.filter((subject) => subject.kind !== kind || subject.name !== name),
    }))
    .filter(({ subjects }) => subjects.length > 0);
  return verbs.length === 0 ? others : [...others, { subjects: [{ kind, name }], verbs: [...verbs] }];
}

function limited(queue: Queue, { priorityClass, pool, resource, fraction }: ResourceLimit): Queue {
  const all = new Map(queue.resourceLimitsByPriorityClassName);
  const before: PriorityClassResourceLimits = all.get(priorityClass) ?? {
    maximumResourceFraction: new Map(),
    maximumResourceFractionByPool: new Map(),
  };
  const after = { ...before };
  if (pool === undefined) {
    after.maximumResourceFraction = withFraction(before.maximumResourceFraction, resource, fraction);
  } else {
    const pools = new Map(before.maximumResourceFractionByPool);
    const fractions = withFraction(pools.get(pool)?.maximumResourceFraction, resource, fraction);
    if (fractions.size === 0) pools.delete(pool);
    else pools.set(pool, { maximumResourceFraction: fractions });
    after.maximumResourceFractionByPool = pools;
  }
  const isEmpty = after.maximumResourceFraction.size === 0 && after.maximumResourceFractionByPool.size === 0;
  if (isEmpty) all.delete(priorityClass);
  else all.set(priorityClass, after);
  return { ...queue, resourceLimitsByPriorityClassName: all };
}

function withFraction(
  fractions: ReadonlyMap<string, number> = new Map(),
  resource: string,
  fraction: number | undefined,
): Map<string, number> {
  const changed = new Map(fractions);
  if (fraction === undefined) changed.delete(resource);
  else changed.set(resource, fraction);
  return changed;
}
