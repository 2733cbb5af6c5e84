import type { Command } from 'commander';
import type { Connection } from '@armada-ts/client/connect';
import { submitJobs } from '@armada-ts/client/submit';
import type { CommandContext } from '../command.ts';
import { ArmadaClientError } from '@armada-ts/client/errors';
import { ExitCode, exitCodeOf } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { parseJobSetFile, pathInFile, type JobSetFile } from '../job-set-file.ts';
import { withQueueAdvice } from '../names.ts';
import { readTextFile } from '../text-file.ts';
import { faultLines } from '../yaml-file.ts';

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<file>', 'job set file in YAML or JSON, or - for standard input')
    .option('--dry-run', 'only check the file')
    .action(async (path: string, options: { dryRun?: boolean }) => {
      const textFile = await readTextFile(path, context.stdin);
      const file = parseJobSetFile(textFile);
      const { name } = textFile;
      if (options.dryRun) {
        context.output.done(
          `${name} is valid: ${jobs(file.items.length)} for job set ${file.jobSetId} of queue ${file.queue}`,
        );
        return;
      }
      const connection = await context.connection();
      await withQueueAdvice(connection, file.queue, () => submitFile(connection, { ...file, name }, context));
    });
}

async function submitFile(
  connection: Connection,
  file: JobSetFile & { name: string },
  context: CommandContext,
): Promise<void> {
  const { queue, jobSetId, items } = file;
  let accepted = 0;
  let refused = 0;
  try {
    for await (const { index, jobId, error } of submitJobs(connection, { queue, jobSetId, items })) {
      if (error === '') {
        accepted += 1;
        context.output.submitted({ jobId, jobSetId });
      } else {
        refused += 1;
        context.output.error(`jobs[${index}] was refused: ${error}`, []);
      }
    }
  } catch (error) {
    // Ids already printed are jobs already submitted; whoever tries again must know.
    if (accepted > 0) {
      context.output.notice(
        `the first ${jobs(accepted)} of ${items.length} were submitted before this error:`,
      );
    }
    throw refusedFile(file, error) ?? error;
  }
  if (refused > 0) {
    throw new Failure(ExitCode.failed, `${refused} of ${jobs(items.length)} refused`);
  }
}

/** What the server found wrong, by its place in the file; undefined for errors of other kinds. */
function refusedFile({ name, document }: JobSetFile & { name: string }, error: unknown): Failure | undefined {
  if (!(error instanceof ArmadaClientError) || error.faults.length === 0) return undefined;
  const faults = error.faults.map(({ field, message }) => ({ path: pathInFile(field), message }));
  return new Failure(exitCodeOf(error.code), `the server refused ${name}`, {
    details: faultLines(document, faults),
    cause: error,
  });
}

function jobs(count: number): string {
  return count === 1 ? '1 job' : `${count} jobs`;
}
