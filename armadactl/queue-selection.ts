import { type Command, Option } from 'commander';
import type { Queue } from '@armada-ts/api/api/queue';
import type { Connection } from '@armada-ts/client/connect';
import { getQueues } from '@armada-ts/client/queues';
import { usageFailure } from './failure.ts';
import { unknownQueue } from './names.ts';
import { addToList } from './option-values.ts';

export interface QueueFilter {
  matchLabels?: string[];
  /** Armada's other name of the same option. */
  selector?: string[];
  inverse?: boolean;
  onlyCordoned?: boolean;
}

export function addQueueFilter(command: Command): Command {
  return command
    .option(
      '-l, --match-labels <labels>',
      'only queues that have all of these, as key=value or key',
      addToList,
    )
    .addOption(new Option('--selector <labels>', 'the same').argParser(addToList).hideHelp())
    .option('--inverse', 'all queues but those named and matched')
    .option('--only-cordoned', 'only queues that are cordoned');
}

/**
 * The queues that are meant, by name and by what they are. Throws a usage
 * failure when nothing says which, and a failure that names a queue which does
 * not exist.
 */
export async function selectQueues(
  connection: Connection,
  names: readonly string[],
  filter: QueueFilter,
): Promise<Queue[]> {
  if (names.length === 0 && !isFiltered(filter)) {
    throw usageFailure('say which queues: by name, or by --match-labels or --only-cordoned');
  }
  return matchingQueues(await allQueues(connection), names, filter);
}

export function isFiltered(filter: QueueFilter): boolean {
  return labelsOf(filter).length > 0 || (filter.inverse ?? false) || (filter.onlyCordoned ?? false);
}

export async function allQueues(connection: Connection): Promise<Queue[]> {
  const queues: Queue[] = [];
  for await (const queue of getQueues(connection)) queues.push(queue);
  return queues;
}

/** No names mean every queue. */
export function matchingQueues(
  queues: readonly Queue[],
  names: readonly string[],
  filter: QueueFilter,
): Queue[] {
  const known = queues.map(({ name }) => name);
  const missing = names.find((name) => !known.includes(name));
  if (missing !== undefined) throw unknownQueue(missing, known);
  const labels = labelsOf(filter);
  return queues.filter((queue) => {
    const isMeant =
      (names.length === 0 || names.includes(queue.name)) && labels.every((label) => hasLabel(queue, label));
    if (filter.onlyCordoned && !queue.cordoned) return false;
    return isMeant !== (filter.inverse ?? false);
  });
}

function labelsOf({ matchLabels = [], selector = [] }: QueueFilter): string[] {
  return [...matchLabels, ...selector];
}

function hasLabel({ labels }: Queue, label: string): boolean {
  const equals = label.indexOf('=');
  if (equals === -1) return labels.has(label);
  return labels.get(label.slice(0, equals)) === label.slice(equals + 1);
}
