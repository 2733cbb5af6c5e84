import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { reportDeed } from '../deed.ts';
import { joinedFailure } from '../failure.ts';
import { parseJobSetFile, type JobSetFile } from '../job-set-file.ts';
import { jobsText, submitFiles } from '../submission.ts';
import { parseFiles } from '../parsed-files.ts';
import { readTextFiles } from '../text-file.ts';
import { addWaitOptions, type WaitOptions } from '../wait-options.ts';

interface SubmitOptions extends WaitOptions {
  dryRun?: boolean;
  again?: boolean;
  wait?: boolean;
}

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<files...>', 'job set files in YAML or JSON, folders of them, or - for standard input')
    .option('--dry-run', 'only check the files')
    .option('--again', 'make new jobs even of what was submitted before')
    .option('--wait', 'wait for the end of the jobs, and exit with what they came to');
  addWaitOptions(command).action((paths: string[], options: SubmitOptions) =>
    submit(paths, options, context),
  );
}

async function submit(
  paths: readonly string[],
  options: SubmitOptions,
  context: CommandContext,
): Promise<void> {
  const files = parseFiles(await readTextFiles(paths, context.stdin), parseJobSetFile);
  if (options.dryRun) {
    for (const file of files) reportValid(context, file);
    return;
  }
  const connection = await context.connection();
  const { jobIds, known, failures } = await submitFiles(
    connection,
    files,
    { again: options.again ?? false },
    context,
  );
  if (failures.length > 0) {
    throw joinedFailure(
      failures,
      `${failures.length} of ${files.length} files were not submitted as a whole`,
    );
  }
  if (known > 0 && known === jobIds.length) {
    context.output.notice('note: nothing new will run; `--again` makes new jobs of those without client ids');
  }
  if (!options.wait && options.for === undefined && options.timeout === undefined) return;
  const { waitForJobs } = await import('../job-wait.ts');
  context.exitCode = await waitForJobs(connection, jobIds, options, context);
}

function reportValid(context: CommandContext, { name, queue, jobSetId, items }: JobSetFile): void {
  reportDeed(context, {
    action: 'valid',
    kind: 'JobSet',
    name: jobSetId,
    sentence: `${name} is valid: ${jobsText(items.length)} for job set ${jobSetId} of queue ${queue}`,
    fields: { queue, file: name, jobs: items.length, dryRun: true },
  });
}
