import type { CommandContext } from './command.ts';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';

/** Says what came of a change of priority; fails when some job kept its own. */
export function reportReprioritization(
  context: CommandContext,
  failed: ReadonlyMap<string, string>,
  sentence: string,
): void {
  if (failed.size > 0) {
    throw new Failure(
      ExitCode.failed,
      `the priority of ${failed.size === 1 ? 'a job' : `${failed.size} jobs`} was not set`,
      {
        details: [...failed].map(([jobId, reason]) => `${jobId}: ${reason}`),
      },
    );
  }
  context.output.done(sentence);
}
