import type { Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import type { RunSelection } from '@armada-ts/client/executors';
import type { NodeSelection } from '@armada-ts/client/nodes';
import type { CommandContext } from './command.ts';
import { reportDeed } from './deed.ts';
import {
  addPools,
  addRunOptions,
  chosenPriorityClasses,
  chosenQueues,
  type RunOptions,
} from './run-selection.ts';

/** What is asked for, as the sentences and the JSON have it. */
export type RunVerb = 'cancel' | 'preempt';

const TOLD = {
  cancel: { action: 'cancelling', noun: 'cancellation' },
  preempt: { action: 'preempting', noun: 'preemption' },
} as const;

export interface ExecutorOperation {
  verb: RunVerb;
  request(connection: Connection, selection: RunSelection & { name: string; pools: string[] }): Promise<void>;
}

export function defineExecutorOperation(
  command: Command,
  context: CommandContext,
  operation: ExecutorOperation,
): void {
  addPools(addRunOptions(command.argument('<executor>', 'name of the executor'))).action(
    async (name: string, options: RunOptions) => {
      const priorityClasses = chosenPriorityClasses(options);
      const connection = await context.connection();
      const queues = await chosenQueues(connection, options);
      await operation.request(connection, { name, queues, priorityClasses, pools: options.pools ?? [] });
      reportRunRequest(context, operation.verb, { kind: 'Executor', name });
    },
  );
}

export interface NodeOperation {
  verb: RunVerb;
  request(connection: Connection, selection: NodeSelection): Promise<void>;
}

export function defineNodeOperation(
  command: Command,
  context: CommandContext,
  operation: NodeOperation,
): void {
  addRunOptions(command.argument('<node>', 'name of the node in its cluster'))
    .requiredOption('-e, --executor <executor>', 'executor of the cluster that the node is in')
    .action(async (name: string, options: RunOptions & { executor: string }) => {
      const priorityClasses = chosenPriorityClasses(options);
      const connection = await context.connection();
      const queues = await chosenQueues(connection, options);
      await operation.request(connection, { name, executor: options.executor, queues, priorityClasses });
      reportRunRequest(context, operation.verb, { kind: 'Node', name });
    });
}

/** The request is made; what becomes of each job shows in its job set. */
export function reportRunRequest(
  context: CommandContext,
  verb: RunVerb,
  { kind, name }: { kind: 'Executor' | 'Node' | 'Queue'; name: string },
): void {
  const { action, noun } = TOLD[verb];
  const place = kind === 'Queue' ? `of queue ${name}` : `on ${kind.toLowerCase()} ${name}`;
  reportDeed(context, { action, kind, name, sentence: `Requested ${noun} of jobs ${place}` });
}
