import type { Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import { usageFailure } from './failure.ts';
import { addToList } from './option-values.ts';
import { allQueues, matchingQueues } from './queue-selection.ts';

export interface PriorityClassOptions {
  priorityClasses?: string[];
  allPriorityClasses?: boolean;
}

export interface RunOptions extends PriorityClassOptions {
  queues?: string[];
  pools?: string[];
}

export function addPriorityClasses(command: Command): Command {
  return command
    .option('-p, --priority-classes <classes>', 'only jobs of these priority classes', addToList)
    .option('-a, --all-priority-classes', 'jobs of every priority class');
}

export function addPools(command: Command): Command {
  return command.option('--pools <pools>', 'only jobs in these pools (default: all)', addToList);
}

export function addRunOptions(command: Command): Command {
  return addPriorityClasses(
    command.option('-q, --queues <queues>', 'only jobs of these queues (default: all)', addToList),
  );
}

/**
 * One of the two must be said, as in Armada, because what is asked for cannot
 * be taken back. No names mean every class.
 */
export function chosenPriorityClasses(options: PriorityClassOptions): string[] {
  const { priorityClasses = [], allPriorityClasses = false } = options;
  if (allPriorityClasses === priorityClasses.length > 0) {
    throw usageFailure('say which jobs: either --priority-classes NAMES or --all-priority-classes');
  }
  return priorityClasses;
}

/** Servers take no queues for none, so that all of them are named. */
export async function chosenQueues(connection: Connection, { queues = [] }: RunOptions): Promise<string[]> {
  return matchingQueues(await allQueues(connection), queues, {}).map(({ name }) => name);
}
