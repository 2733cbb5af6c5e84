import { Option, type Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import { ArmadaClientError } from '@armada-ts/client/errors';
import { watchJobSet, type JobSetEvent } from '@armada-ts/client/events';
import type { CommandContext } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import {
  applyEvent,
  countsByState,
  createProgress,
  hasEnded,
  outcomeExitCode,
  type JobSetProgress,
} from '../job-set-progress.ts';
import { withQueueAdvice } from '../names.ts';
import { noteInterruption } from '../interruption.ts';
import { eventLine } from '../output/event-line.ts';
import type { Fact } from '../output/view.ts';

interface WatchCommandOptions {
  raw?: boolean;
  exitIfInactive?: boolean;
  from?: string;
}

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<queue>')
    .argument('<job-set>')
    .option('--raw', 'print each event whole, as a line of JSON')
    .option('--exit-if-inactive', 'stop when all jobs have ended, and exit with what they came to')
    .addOption(new Option('--force-new-events').hideHelp())
    .addOption(new Option('--force-legacy-events').hideHelp())
    .option('--from <message-id>', 'start after this message instead of at the beginning')
    .action(async (queue: string, jobSetId: string, options: WatchCommandOptions) => {
      const connection = await context.connection();
      context.exitCode = await withQueueAdvice(connection, queue, () =>
        watch(connection, { queue, jobSetId, ...options }, context),
      );
    });
}

type WatchArguments = WatchCommandOptions & { queue: string; jobSetId: string };

async function watch(connection: Connection, args: WatchArguments, context: CommandContext): Promise<number> {
  const interrupted = new AbortController();
  const release = context.onInterrupt(() => interrupted.abort());
  try {
    return await follow(connection, args, context, interrupted.signal);
  } catch (error) {
    if (interrupted.signal.aborted && error instanceof ArmadaClientError) return ExitCode.interrupted;
    throw error;
  } finally {
    release();
  }
}

/**
 * Reads to the present before it asks whether all jobs have ended: on the way
 * there, the first jobs may seem to be all while later ones were submitted since.
 */
async function follow(
  connection: Connection,
  args: WatchArguments,
  context: CommandContext,
  signal: AbortSignal,
): Promise<number> {
  const { queue, jobSetId } = args;
  const print = args.raw ? await rawPrinter(context) : (fact: Fact) => context.output.fact(fact);
  const progress = createProgress();
  let fromMessageId = args.from ?? '';
  const take = (event: JobSetEvent) => {
    fromMessageId = event.messageId;
    applyEvent(progress, event.body);
    print(eventFact(event, progress));
  };
  const request = { queue, jobSetId, errorIfMissing: true, signal, onInterrupted: noteInterruption(context) };
  if (args.exitIfInactive) {
    for await (const event of watchJobSet(connection, { ...request, fromMessageId, follow: false }))
      take(event);
    if (hasEnded(progress)) return outcomeExitCode(progress);
  }
  for await (const event of watchJobSet(connection, { ...request, fromMessageId })) {
    take(event);
    if (args.exitIfInactive && hasEnded(progress)) break;
  }
  return outcomeExitCode(progress);
}

function eventFact(event: JobSetEvent, progress: JobSetProgress): Fact {
  const { messageId: id, message, body } = event;
  return {
    name: body.value.jobId,
    line: (paint) => eventLine({ event, counts: countsByState(progress) }, paint),
    json: (toJson) => toJson('api.EventStreamMessage', { id, message }),
  };
}

/** Each event as a line of JSON, whatever form was asked for. */
async function rawPrinter(context: CommandContext): Promise<(fact: Fact) => void> {
  const { toJson } = await import('@armada-ts/api/json');
  return (fact) => context.output.value(JSON.stringify(fact.json(toJson)));
}
