import type { Command } from 'commander';
import { Queue } from '@armada-ts/api/api/queue';
import { createQueue } from '@armada-ts/client/queues';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { addQueueSettings, type QueueSettings, withSettings } from '../queue-settings.ts';

export function define(command: Command, context: CommandContext): void {
  addQueueSettings(command.argument('<name>')).action(async (name: string, settings: QueueSettings) => {
    const blank = { ...Queue.create(), name, priorityFactor: 1 };
    const { owners = [], groupOwners = [], ...rest } = settings;
    // As owners and not as permissions, which servers of 2021 do not know.
    const queue = { ...withSettings(blank, rest), userOwners: [...owners], groupOwners: [...groupOwners] };
    await createQueue(await context.connection(), queue);
    reportDeed(context, { action: 'created', kind: 'Queue', name, sentence: `Created queue ${name}` });
  });
}
