import type { CommandModule } from './command.ts';

/** A command by the words that name it. Its file is loaded only when those words were typed. */
export interface CommandEntry {
  words: readonly string[];
  aliases?: readonly string[];
  summary: string;
  /** Left out for words that only group others. */
  load?: () => Promise<CommandModule>;
  /** Works, but is not shown in the help: a form from an older armadactl. */
  hidden?: boolean;
}

/** Every command, groups before their members, in the order of the help. */
export const commandTable: readonly CommandEntry[] = [
  {
    words: ['submit'],
    summary: 'Submit the jobs of a job set file',
    load: () => import('./commands/submit.ts'),
  },
  {
    words: ['run'],
    summary: 'Run a command as a job, show what it prints, and exit as it exits',
    load: () => import('./commands/run.ts'),
  },
  {
    words: ['watch'],
    summary: 'Follow the events of a job set',
    load: () => import('./commands/watch.ts'),
  },
  {
    words: ['logs'],
    summary: 'Print what a job wrote',
    load: () => import('./commands/logs.ts'),
  },
  {
    words: ['cancel'],
    summary: 'Cancel jobs or job sets',
    load: () => import('./commands/cancel.ts'),
  },
  {
    words: ['cancel', 'job'],
    summary: 'Cancel jobs by id',
    load: () => import('./commands/cancel-job.ts'),
  },
  {
    words: ['cancel', 'job-set'],
    summary: 'Cancel all jobs of a job set',
    load: () => import('./commands/cancel-job-set.ts'),
  },
  { words: ['reprioritize'], aliases: ['reprioritise'], summary: 'Move jobs within their queue' },
  {
    words: ['reprioritize', 'job'],
    summary: 'Give a job another priority',
    load: () => import('./commands/reprioritize-job.ts'),
  },
  {
    words: ['reprioritize', 'job-set'],
    summary: 'Give all jobs of a job set another priority',
    load: () => import('./commands/reprioritize-job-set.ts'),
  },
  {
    words: ['create'],
    summary: 'Create a queue, from flags or from a file',
    load: () => import('./commands/create.ts'),
  },
  {
    words: ['create', 'queue'],
    summary: 'Create a queue',
    load: () => import('./commands/create-queue.ts'),
  },
  { words: ['get'], summary: 'Show queues or jobs' },
  {
    words: ['get', 'queue'],
    summary: 'Show one queue',
    load: () => import('./commands/get-queue.ts'),
  },
  {
    words: ['get', 'queues'],
    summary: 'Show all queues, or some',
    load: () => import('./commands/get-queues.ts'),
  },
  {
    words: ['get', 'jobs'],
    summary: 'List jobs with their states',
    load: () => import('./commands/get-jobs.ts'),
  },
  { words: ['describe'], summary: 'Show all that is known of a job' },
  {
    words: ['describe', 'job'],
    summary: 'Show a job, its runs and why it is in its state',
    load: () => import('./commands/describe-job.ts'),
  },
  { words: ['delete'], summary: 'Delete a queue' },
  {
    words: ['delete', 'queue'],
    summary: 'Delete a queue that has no live jobs',
    load: () => import('./commands/delete-queue.ts'),
  },
  { words: ['cordon'], summary: 'Stop starting the jobs of queues' },
  {
    words: ['cordon', 'queue'],
    aliases: ['queues'],
    summary: 'Stop starting the jobs of queues; they still take new ones',
    load: () => import('./commands/cordon-queue.ts'),
  },
  { words: ['uncordon'], summary: 'Start the jobs of queues again' },
  {
    words: ['uncordon', 'queue'],
    aliases: ['queues'],
    summary: 'Start the jobs of cordoned queues again',
    load: () => import('./commands/uncordon-queue.ts'),
  },
  { words: ['config'], summary: 'Choose between servers' },
  {
    words: ['config', 'get-contexts'],
    summary: 'List the contexts of the configuration file',
    load: () => import('./commands/config-get-contexts.ts'),
  },
  {
    words: ['config', 'use-context'],
    summary: 'Make a context the current one',
    load: () => import('./commands/config-use-context.ts'),
  },
  {
    words: ['config', 'current-context'],
    summary: 'Print the name of the current context',
    load: () => import('./commands/config-current-context.ts'),
  },
  {
    words: ['version'],
    summary: 'Print the version of armadactl',
    load: () => import('./commands/version.ts'),
  },
  {
    words: ['create-queue'],
    summary: 'Create a queue (the form of 2021)',
    load: () => import('./commands/create-queue.ts'),
    hidden: true,
  },
  {
    words: ['delete-queue'],
    summary: 'Delete a queue (the form of 2021)',
    load: () => import('./commands/delete-queue.ts'),
    hidden: true,
  },
];

/** Options that every command has, with the letter each may also be given by; each takes a value. */
export const GLOBAL_OPTIONS: readonly { flags: string; names: readonly string[]; summary: string }[] = [
  {
    flags: '-c, --context <name>',
    names: ['-c', '--context'],
    summary: 'context of the configuration file to use',
  },
  {
    flags: '--armadaUrl <address>',
    names: ['--armadaUrl'],
    summary: 'host:port of the server (default: that of the context, or localhost:50051)',
  },
  {
    flags: '--config <file>',
    names: ['--config'],
    summary: 'configuration file (default: ~/.armadactl.yaml)',
  },
];

/** The entry that the arguments name, found without parsing them, so that only its file is loaded. */
export function findEntry(args: readonly string[]): CommandEntry | undefined {
  let words: readonly string[] = [];
  let found: CommandEntry | undefined;
  for (let place = 0; place < args.length; place += 1) {
    const arg = args[place] ?? '';
    if (GLOBAL_OPTIONS.some(({ names }) => names.includes(arg))) {
      place += 1;
      continue;
    }
    if (arg.startsWith('-')) {
      if (arg === '--') break;
      continue;
    }
    // `help submit` shows what `submit --help` shows.
    if (arg === 'help' && words.length === 0) continue;
    const next = commandTable.find((entry) => isNamed(entry, words, arg));
    if (!next) break;
    found = next;
    words = next.words;
  }
  return found;
}

function isNamed(entry: CommandEntry, parent: readonly string[], word: string): boolean {
  if (entry.words.length !== parent.length + 1) return false;
  if (!parent.every((parentWord, place) => entry.words[place] === parentWord)) return false;
  return entry.words.at(-1) === word || (entry.aliases?.includes(word) ?? false);
}
