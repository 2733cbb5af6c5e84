import { Command } from 'commander';
import { SubmitService } from '@armada-ts/api/api/submit';
import { listJobs } from '@armada-ts/client/job-list';
import { getQueues } from '@armada-ts/client/queues';
import type { CommandContext } from './command.ts';
import { commandTable, type CommandEntry, isNamed } from './command-table.ts';
import { addGlobalOptions } from './global-options.ts';
import { listedStateNames } from './option-values.ts';
import { COLOR_CHOICES, FORM_NAMES } from './output/form.ts';
import { COMPLETION_SCRIPTS } from './completion-scripts.ts';
import { WATCHED_STATES } from './job-set-progress.ts';
import { requireContexts } from './contexts.ts';

/** Somebody waits at the keyboard. */
const SERVER_TIMEOUT_MS = 1_000;

/** Where nothing is going on, the job sets of the oldest jobs are better than none. */
const MAX_LOOKED_THROUGH = 1_000;

/** What is known of the words before the one to complete. */
interface Position {
  entry: CommandEntry | undefined;
  /** The command with its options and arguments, and the global ones. */
  command: Command;
  /** Words that are arguments of the command. */
  operands: string[];
  /** Values given to options, by their long name. */
  values: Map<string, string>;
  /** The option whose value comes next. */
  open: string | undefined;
}

/**
 * What the last word may become. Commands and flags come from the command table
 * itself; queues and job sets are asked from the server, and are left out when
 * it does not answer at once.
 */
export async function complete(words: readonly string[], context: CommandContext): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const position = await readPosition(words.slice(0, -1), context);
  const found = await candidates(position, current, context);
  return [...new Set(found)].filter((candidate) => candidate.startsWith(current));
}

async function candidates(position: Position, current: string, context: CommandContext): Promise<string[]> {
  const { entry, command, operands, open } = position;
  if (open !== undefined) return valuesOf(open, position, context);
  if (current.startsWith('-')) {
    return command.options.filter(({ hidden }) => !hidden).flatMap(({ long }) => long ?? []);
  }
  const members = commandTable.filter(
    ({ words, hidden }) =>
      !hidden &&
      words.length === (entry?.words.length ?? 0) + 1 &&
      (entry?.words ?? []).every((word, place) => words[place] === word),
  );
  if (members.length > 0 && operands.length === 0) return members.flatMap(({ words }) => words.at(-1) ?? []);
  const args = command.registeredArguments;
  const argument = args[operands.length] ?? (args.at(-1)?.variadic ? args.at(-1) : undefined);
  return argument ? valuesOf(argument.name(), position, context) : [];
}

async function readPosition(words: readonly string[], context: CommandContext): Promise<Position> {
  const position: Position = {
    entry: undefined,
    command: addedGlobals(new Command()),
    operands: [],
    values: new Map(),
    open: undefined,
  };
  for (const word of words) {
    if (position.open !== undefined) {
      position.values.set(position.open, word);
      position.open = undefined;
    } else if (word.startsWith('-')) {
      position.open = valueNameOf(position.command, word);
    } else if (position.operands.length === 0) {
      const next = commandTable.find((entry) => isNamed(entry, position.entry?.words ?? [], word));
      if (!next) position.operands.push(word);
      else {
        position.entry = next;
        position.command = addedGlobals(new Command());
        (await next.load?.())?.define(position.command, context);
      }
    } else {
      position.operands.push(word);
    }
  }
  return position;
}

function addedGlobals(command: Command): Command {
  addGlobalOptions(command);
  return command;
}

/** What the value of an option is called, as in `--queue <queue>`; undefined for one without a value. */
function valueNameOf(command: Command, flag: string): string | undefined {
  const option = command.options.find(({ short, long }) => short === flag || long === flag);
  return option && /<([\w-]+)/.exec(option.flags)?.[1];
}

/** Values are called the same in arguments and in options. */
async function valuesOf(valueName: string, position: Position, context: CommandContext): Promise<string[]> {
  switch (valueName) {
    case 'queue':
    case 'queues':
      return queueNames(context);
    case 'job-set':
      return jobSetNames(position.values.get('queue') ?? position.operands[0] ?? '', context);
    case 'context':
      return contextNames(context);
    case 'states':
      return listedStateNames();
    case 'state':
      return [...WATCHED_STATES];
    case 'form':
      return FORM_NAMES.map((name) => (name === 'jsonpath' ? 'jsonpath=' : name));
    case 'when':
      return [...COLOR_CHOICES];
    case 'shell':
      return [...COMPLETION_SCRIPTS.keys()];
    default:
      return [];
  }
}

async function queueNames(context: CommandContext): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of getQueues(await context.connection(), { timeoutMs: SERVER_TIMEOUT_MS })) {
    names.push(name);
  }
  return names;
}

async function jobSetNames(queue: string, context: CommandContext): Promise<string[]> {
  if (queue === '') return [];
  const connection = await context.connection();
  const options = { timeoutMs: SERVER_TIMEOUT_MS };
  const { activeJobSets } = await connection.call(SubmitService.getQueueInfo, { name: queue }, options);
  if (activeJobSets.length > 0) return activeJobSets.map(({ name }) => name);
  const names = new Set<string>();
  let seen = 0;
  for await (const { jobSet } of listJobs(connection, { queue }, options)) {
    names.add(jobSet);
    seen += 1;
    if (seen === MAX_LOOKED_THROUGH) break;
  }
  return [...names];
}

async function contextNames(context: CommandContext): Promise<string[]> {
  return [...(await requireContexts(context)).contexts.keys()];
}
