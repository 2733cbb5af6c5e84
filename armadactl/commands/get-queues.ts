import type { Command } from 'commander';
import type { Queue } from '@armada-ts/api/api/queue';
import { getQueues } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { unknownQueue } from '../names.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('[names...]', 'only these').action(async (names: string[]) => {
    const queues = new Map<string, Queue>();
    for await (const queue of getQueues(await context.connection())) queues.set(queue.name, queue);
    if (names.length === 0 && queues.size === 0) {
      context.output.notice('there are no queues; create one with `armadactl create queue NAME`');
      return;
    }
    const wanted = names.length === 0 ? [...queues.keys()] : [...new Set(names)];
    const found = wanted.flatMap((name) => queues.get(name) ?? []);
    if (found.length > 0) await context.output.queues(found);
    const missing = wanted.find((name) => !queues.has(name));
    if (missing !== undefined) throw unknownQueue(missing, [...queues.keys()]);
  });
}
