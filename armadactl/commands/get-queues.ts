import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { unknownQueue } from '../names.ts';
import { queueView } from '../output/queue-view.ts';
import { addQueueFilter, allQueues, matchingQueues, type QueueFilter } from '../queue-selection.ts';

export function define(command: Command, context: CommandContext): void {
  command.argument('[queues...]', 'only these');
  addQueueFilter(command).action(async (words: string[], filter: QueueFilter) => {
    const names = [...new Set(words)];
    const queues = await allQueues(await context.connection());
    if (names.length === 0 && queues.length === 0) {
      context.output.notice('there are no queues; create one with `armadactl create queue NAME`');
    }
    const known = queues.map(({ name }) => name);
    const present = names.filter((name) => known.includes(name));
    const shown =
      names.length > present.length && present.length === 0 ? [] : matchingQueues(queues, present, filter);
    const missing = names.find((name) => !known.includes(name));
    if (missing === undefined || shown.length > 0) await context.output.list(queueView, shown);
    if (missing !== undefined) throw unknownQueue(missing, known);
  });
}
