import type { Connection } from '@armada-ts/client/connect';
import { ArmadaClientError } from '@armada-ts/client/errors';
import { isOutcomeUnknown, type SubmittedItem, submitJobs } from '@armada-ts/client/submit';
import type { CommandContext } from './command.ts';
import { reportDeed } from './deed.ts';
import { ExitCode, exitCodeOf } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { pathInFile, type JobSetFile } from './job-set-file.ts';
import { knownJobs } from './known-jobs.ts';
import { withQueueAdvice } from './names.ts';
import type { Progress } from './output/output.ts';
import { toFailure } from './report.ts';
import { type FileFault, faultLines } from './yaml-file.ts';

export interface SubmissionOptions {
  /** Makes new jobs of items that were submitted before. */
  again: boolean;
}

/** What came of some files. */
export interface SubmissionResult {
  jobIds: string[];
  /** How many of them were there before. */
  known: number;
  failures: Failure[];
}

/**
 * Submits the jobs of files, one file after the other, and tells of each job.
 * A file that the server refuses does not keep the others back; a server that
 * cannot be reached does.
 */
export async function submitFiles(
  connection: Connection,
  files: readonly JobSetFile[],
  options: SubmissionOptions,
  context: CommandContext,
): Promise<SubmissionResult> {
  const total = files.reduce((sum, { items }) => sum + items.length, 0);
  const progress = context.output.progress(total);
  const result: SubmissionResult = { jobIds: [], known: 0, failures: [] };
  let before = 0;
  try {
    for (const file of files) {
      const work: Work = { connection, file, options, context, progress, before, result };
      try {
        await withQueueAdvice(connection, file.queue, () => submitFile(work), 'create');
      } catch (error) {
        if (error instanceof ArmadaClientError && (error.unreachable || error.code === 'UNAUTHENTICATED')) {
          throw error;
        }
        result.failures.push(toFailure(error));
      }
      before += file.items.length;
    }
  } finally {
    progress.end();
  }
  return result;
}

interface Work {
  connection: Connection;
  file: JobSetFile;
  options: SubmissionOptions;
  context: CommandContext;
  progress: Progress;
  /** Items of the files before this one. */
  before: number;
  result: SubmissionResult;
}

/** Items that the server refuses are told of together, and do not keep the others back. */
async function submitFile({
  connection,
  file,
  options,
  context,
  progress,
  before,
  result,
}: Work): Promise<void> {
  const { name, queue, jobSetId, items } = file;
  const mayBeKnown = !options.again || items.some(({ clientId }) => clientId !== '');
  const known = mayBeKnown ? await knownJobs(connection, queue, jobSetId) : undefined;
  const clientIds = options.again ? 'random' : 'content';
  const refused: FileFault[] = [];
  let refusals = 0;
  let accepted = 0;
  try {
    const submission = { queue, jobSetId, items };
    for await (const item of submitJobs(connection, submission, { clientIds, refused: 'report' })) {
      progress.update(before + item.index + 1, 'submitted');
      if (item.jobId === '') {
        refusals += 1;
        refused.push(...faultsOf(item));
        continue;
      }
      accepted += 1;
      result.jobIds.push(item.jobId);
      const isKnown = known?.has(item.jobId) ?? false;
      if (isKnown) result.known += 1;
      reportSubmitted(context, { file, index: item.index, jobId: item.jobId, isKnown });
    }
  } catch (error) {
    // Ids already printed are jobs already submitted; whoever tries again must know.
    if (accepted > 0) {
      context.output.notice(
        `${jobsText(accepted)} of ${items.length} of ${name} were submitted before this error:`,
      );
    }
    throw options.again ? error : repeatable(error);
  }
  if (refusals > 0) {
    throw new Failure(
      ExitCode.failed,
      `${name}: the server refused ${refusals} of ${jobsText(items.length)}`,
      {
        details: faultLines(file.document, refused),
      },
    );
  }
}

/** The message says that submitting again makes nothing twice; the usual advice after a lost answer is to look first. */
function repeatable(error: unknown): unknown {
  if (!(error instanceof ArmadaClientError) || !isOutcomeUnknown(error)) return error;
  return new Failure(exitCodeOf(error.code), error.message, { cause: error });
}

/** By their places in the file. */
function faultsOf({ index, error, refusal }: SubmittedItem): FileFault[] {
  const faults = (refusal?.faults ?? []).map(({ field, message }) => ({
    path: placeOf(index, field),
    message,
  }));
  return faults.length > 0 ? faults : [{ path: `jobs[${index}]`, message: error }];
}

interface SubmittedJob {
  file: JobSetFile;
  index: number;
  jobId: string;
  isKnown: boolean;
}

function reportSubmitted(context: CommandContext, { file, index, jobId, isKnown }: SubmittedJob): void {
  const { name, queue, jobSetId } = file;
  reportDeed(context, {
    action: isKnown ? 'unchanged' : 'submitted',
    kind: 'Job',
    name: jobId,
    sentence: isKnown
      ? `Already submitted: job with id: ${jobId} of job set ${jobSetId}`
      : `Submitted job with id: ${jobId} to job set ${jobSetId}`,
    fields: { queue, jobSet: jobSetId, file: name, item: index },
  });
}

/** Refusals of one item name its fields from the item on. */
function placeOf(index: number, field: string): string {
  const path = pathInFile(field);
  return path.startsWith('jobs[') || path === '' ? path : `jobs[${index}].${path}`;
}

export function jobsText(count: number): string {
  return count === 1 ? '1 job' : `${count} jobs`;
}
