import type { Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import { preemptJobs, type JobSelection } from '@armada-ts/client/jobs';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { ExitCode } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { isJobId, selectJobs } from '../job-arguments.ts';
import { byJobSet, jobDetails } from '../job-details.ts';
import { withQueueAdvice } from '../names.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .usage('[options] <id...>')
    .argument('<id...>', "job ids; or queue, job set, job id and reason, as Armada's armadactl wants them")
    .option('--reason <text>', 'why, for the events of the job')
    .action(async (words: string[], options: { reason?: string }) => {
      const isArmadas = words.length === 4 && !words.every(isJobId);
      const selection = selectJobs(isArmadas ? words.slice(0, 3) : words);
      await preempt(selection, options.reason ?? (isArmadas ? (words[3] ?? '') : ''), context);
    });
}

/** The request names queue and job set, which the server knows where the user does not say. */
async function preempt(selection: JobSelection, reason: string, context: CommandContext): Promise<void> {
  const connection = await context.connection();
  const failed = new Map<string, string>();
  for (const set of await setsOf(connection, selection)) {
    const refused = await withQueueAdvice(connection, set.queue, () =>
      preemptJobs(connection, { ...set, reason }),
    );
    for (const name of set.jobIds) {
      const why = refused.get(name);
      if (why !== undefined) failed.set(name, why);
      else {
        const sentence = `Requested preemption of job ${name}`;
        reportDeed(context, { action: 'preempting', kind: 'Job', name, sentence });
      }
    }
  }
  if (failed.size > 0) {
    throw new Failure(ExitCode.failed, `not preempted: ${[...failed.keys()].join(', ')}`, {
      details: [...failed].map(([jobId, why]) => `${jobId}: ${why}`),
    });
  }
}

async function setsOf(
  connection: Connection,
  { jobIds, queue, jobSetId }: JobSelection,
): Promise<{ queue: string; jobSetId: string; jobIds: string[] }[]> {
  if (queue !== undefined && jobSetId !== undefined) return [{ queue, jobSetId, jobIds: [...jobIds] }];
  const sets = byJobSet(await jobDetails(connection, jobIds, { withSpecs: false }));
  return sets.map((set) => ({ ...set, jobIds: set.jobs.map(({ jobId }) => jobId) }));
}
