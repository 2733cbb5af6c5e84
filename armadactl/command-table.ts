import { accessCommands } from './access-commands.ts';
import type { CommandModule } from './command.ts';
import { takesValue } from './global-options.ts';

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
    summary: 'Submit the jobs of job set files',
    load: () => import('./commands/submit.ts'),
  },
  {
    words: ['run'],
    summary: 'Run a command as a job, show what it prints, and exit as it exits',
    load: () => import('./commands/run.ts'),
  },
  {
    words: ['apply'],
    summary: 'Make queues and jobs be as files say',
    load: () => import('./commands/apply.ts'),
  },
  {
    words: ['watch'],
    summary: 'Follow the events of a job set',
    load: () => import('./commands/watch.ts'),
  },
  {
    words: ['wait'],
    summary: 'Wait for jobs',
  },
  {
    words: ['wait', 'job'],
    summary: 'Wait for jobs by id, and exit with what they came to',
    load: () => import('./commands/wait-job.ts'),
  },
  {
    words: ['wait', 'job-set'],
    aliases: ['jobset'],
    summary: 'Wait for the jobs of a job set',
    load: () => import('./commands/wait-job-set.ts'),
  },
  {
    words: ['logs'],
    summary: 'Print what a job wrote',
    load: () => import('./commands/logs.ts'),
  },
  {
    words: ['retry'],
    summary: 'Submit jobs again that ended without success',
  },
  {
    words: ['retry', 'job'],
    summary: 'Submit jobs again, by id',
    load: () => import('./commands/retry-job.ts'),
  },
  {
    words: ['retry', 'job-set'],
    aliases: ['jobset'],
    summary: 'Submit the unsuccessful jobs of a job set again',
    load: () => import('./commands/retry-job-set.ts'),
  },
  {
    words: ['cancel'],
    summary: 'Cancel jobs, by id or by where they are',
    load: () => import('./commands/cancel.ts'),
  },
  {
    words: ['cancel', 'job'],
    summary: 'Cancel jobs by id',
    load: () => import('./commands/cancel-job.ts'),
  },
  {
    words: ['cancel', 'job-set'],
    aliases: ['jobset'],
    summary: 'Cancel the jobs of a job set',
    load: () => import('./commands/cancel-job-set.ts'),
  },
  {
    words: ['cancel', 'queue'],
    aliases: ['queues', 'on-queue'],
    summary: 'Cancel the jobs of queues',
    load: () => import('./commands/cancel-queue.ts'),
  },
  {
    words: ['cancel', 'executor'],
    aliases: ['on-executor'],
    summary: 'Cancel the jobs that hold a run on an executor',
    load: () => import('./commands/cancel-executor.ts'),
  },
  {
    words: ['cancel', 'node'],
    aliases: ['on-node'],
    summary: 'Cancel the jobs that hold a run on a node',
    load: () => import('./commands/cancel-node.ts'),
  },
  {
    words: ['preempt'],
    summary: 'Preempt running jobs, by id or by where they are',
  },
  {
    words: ['preempt', 'job'],
    summary: 'Preempt jobs by id',
    load: () => import('./commands/preempt-job.ts'),
  },
  {
    words: ['preempt', 'queue'],
    aliases: ['queues', 'on-queue'],
    summary: 'Preempt the running jobs of queues',
    load: () => import('./commands/preempt-queue.ts'),
  },
  {
    words: ['preempt', 'executor'],
    aliases: ['on-executor'],
    summary: 'Preempt the running jobs of an executor',
    load: () => import('./commands/preempt-executor.ts'),
  },
  {
    words: ['preempt', 'node'],
    aliases: ['on-node'],
    summary: 'Preempt the running jobs of a node',
    load: () => import('./commands/preempt-node.ts'),
  },
  {
    words: ['reprioritize'],
    aliases: ['reprioritise'],
    summary: 'Move jobs within their queue',
    load: () => import('./commands/reprioritize.ts'),
  },
  {
    words: ['reprioritize', 'job'],
    summary: 'Give jobs another priority',
    load: () => import('./commands/reprioritize-job.ts'),
  },
  {
    words: ['reprioritize', 'job-set'],
    aliases: ['jobset'],
    summary: 'Give all jobs of a job set another priority',
    load: () => import('./commands/reprioritize-job-set.ts'),
  },
  {
    words: ['create'],
    summary: 'Create queues, from flags or from a file',
    load: () => import('./commands/create.ts'),
  },
  {
    words: ['create', 'queue'],
    summary: 'Create a queue',
    load: () => import('./commands/create-queue.ts'),
  },
  {
    words: ['update'],
    summary: 'Change a queue',
  },
  {
    words: ['update', 'queue'],
    summary: 'Change some settings of a queue, and leave the others',
    load: () => import('./commands/update-queue.ts'),
  },
  {
    words: ['get'],
    summary: 'Show queues, job sets or jobs',
  },
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
    words: ['get', 'job-sets'],
    aliases: ['jobsets'],
    summary: 'List the job sets of a queue that have jobs to do',
    load: () => import('./commands/get-job-sets.ts'),
  },
  {
    words: ['get', 'jobs'],
    summary: 'List jobs with their states',
    load: () => import('./commands/get-jobs.ts'),
  },
  {
    words: ['describe'],
    summary: 'Show all that is known of a job or a queue',
  },
  {
    words: ['describe', 'job'],
    summary: 'Show a job, its runs and why it is in its state',
    load: () => import('./commands/describe-job.ts'),
  },
  {
    words: ['describe', 'queue'],
    summary: 'Show a queue, who may use it and what is going on in it',
    load: () => import('./commands/describe-queue.ts'),
  },
  {
    words: ['delete'],
    summary: 'Delete a queue, or forget an executor',
  },
  {
    words: ['delete', 'queue'],
    summary: 'Delete a queue that has no live jobs',
    load: () => import('./commands/delete-queue.ts'),
  },
  {
    words: ['delete', 'executor'],
    summary: 'Forget an executor that is gone for good',
    load: () => import('./commands/delete-executor.ts'),
  },
  {
    words: ['cordon'],
    summary: 'Stop starting jobs of queues, or on an executor',
  },
  {
    words: ['cordon', 'queue'],
    aliases: ['queues'],
    summary: 'Stop starting the jobs of queues; they still take new ones',
    load: () => import('./commands/cordon-queue.ts'),
  },
  {
    words: ['cordon', 'executor'],
    summary: 'Stop starting jobs on an executor; what runs goes on',
    load: () => import('./commands/cordon-executor.ts'),
  },
  {
    words: ['uncordon'],
    summary: 'Start jobs of queues, or on an executor, again',
  },
  {
    words: ['uncordon', 'queue'],
    aliases: ['queues'],
    summary: 'Start the jobs of cordoned queues again',
    load: () => import('./commands/uncordon-queue.ts'),
  },
  {
    words: ['uncordon', 'executor'],
    summary: 'Start jobs on a cordoned executor again',
    load: () => import('./commands/uncordon-executor.ts'),
  },
  ...accessCommands,
  {
    words: ['config'],
    summary: 'Say which servers there are, and choose between them',
  },
  {
    words: ['config', 'get-contexts'],
    summary: 'List the contexts of the configuration file',
    load: () => import('./commands/config-get-contexts.ts'),
  },
  {
    words: ['config', 'current-context'],
    summary: 'Print the name of the current context',
    load: () => import('./commands/config-current-context.ts'),
  },
  {
    words: ['config', 'use-context'],
    summary: 'Make a context the current one',
    load: () => import('./commands/config-use-context.ts'),
  },
  {
    words: ['config', 'set-context'],
    summary: 'Make a context, or change one',
    load: () => import('./commands/config-set-context.ts'),
  },
  {
    words: ['config', 'delete-context'],
    summary: 'Remove a context',
    load: () => import('./commands/config-delete-context.ts'),
  },
  {
    words: ['config', 'view'],
    summary: 'Print the configuration file without its secrets',
    load: () => import('./commands/config-view.ts'),
  },
  {
    words: ['completion'],
    summary: 'Print what a shell needs to complete commands',
    load: () => import('./commands/completion.ts'),
  },
  {
    words: ['version'],
    summary: 'Print the version of armadactl, and with --server that of the servers',
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
  {
    words: ['__complete'],
    summary: 'Print what a command line may go on with, for shells',
    load: () => import('./commands/complete.ts'),
    hidden: true,
  },
];

/** The entry that the arguments name, found without parsing them, so that only its file is loaded. */
export function findEntry(args: readonly string[]): CommandEntry | undefined {
  let words: readonly string[] = [];
  let found: CommandEntry | undefined;
  for (let place = 0; place < args.length; place += 1) {
    const arg = args[place] ?? '';
    if (takesValue(arg)) {
      place += 1;
      continue;
    }
    if (arg.startsWith('-')) {
      if (arg === '--') break;
      continue;
    }
    // `help submit` shows what `submit --help` shows, and `cancel help job` what `cancel job --help` shows.
    if (arg === 'help') continue;
    const next = commandTable.find((entry) => isNamed(entry, words, arg));
    if (!next) break;
    found = next;
    words = next.words;
  }
  return found;
}

export function isNamed(entry: CommandEntry, parent: readonly string[], word: string): boolean {
  if (entry.words.length !== parent.length + 1) return false;
  if (!parent.every((parentWord, place) => entry.words[place] === parentWord)) return false;
  return entry.words.at(-1) === word || (entry.aliases?.includes(word) ?? false);
}

/**
 * The word after a group that is none of its members, such as `jbo` in `cancel
 * jbo`, with the members there are. Groups that do something by themselves
 * would otherwise take it for an argument too many.
 */
export function strayMember(
  args: readonly string[],
  entry: CommandEntry,
): { word: string; members: string[] } | undefined {
  const members = commandTable
    .filter(({ words }) => words.length === entry.words.length + 1 && words[0] === entry.words[0])
    .flatMap(({ words, aliases = [] }) => [...words.slice(-1), ...aliases]);
  const names = [...entry.words.slice(-1), ...(entry.aliases ?? [])];
  const word = args[args.findIndex((arg) => names.includes(arg)) + 1];
  // The 2021 form of `reprioritize` begins with a number.
  if (members.length === 0 || word === undefined || /^[-\d.]/.test(word)) return undefined;
  return word === 'help' || members.includes(word) ? undefined : { word, members };
}
