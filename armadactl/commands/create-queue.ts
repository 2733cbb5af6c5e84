import { Option, type Command } from 'commander';
import { createQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { addToList, addToMap, parsePriorityFactor } from '../option-values.ts';

interface CreateQueueOptions {
  priorityFactor: number;
  owners?: string[];
  groupOwners?: string[];
  cordon?: boolean;
  labels?: Map<string, string>;
}

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<name>')
    .option(
      '--priority-factor <number>',
      'the larger, the smaller the share of the queue',
      parsePriorityFactor,
      1,
    )
    .option('--owners <users>', 'users who may do everything with the queue', addToList)
    .option('--group-owners <groups>', 'groups who may do everything with the queue', addToList)
    .option('--cordon', 'take jobs, but start none')
    .option('-l, --labels <key=value>', 'labels of the queue', addToMap)
    .addOption(
      new Option('--priorityFactor <number>', 'the form of 2021').argParser(parsePriorityFactor).hideHelp(),
    )
    .addOption(new Option('--groupOwners <groups>', 'the form of 2021').argParser(addToList).hideHelp())
    .action(async (name: string, options: CreateQueueOptions) => {
      await createQueue(await context.connection(), {
        name,
        priorityFactor: options.priorityFactor,
        userOwners: options.owners ?? [],
        groupOwners: options.groupOwners ?? [],
        cordoned: options.cordon ?? false,
        labels: options.labels ?? new Map(),
      });
      context.output.done(`Created queue ${name}`);
    });
}
