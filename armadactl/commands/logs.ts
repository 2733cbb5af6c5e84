import type { Command } from 'commander';
import { ArmadaClientError } from '@armada-ts/client/errors';
import { readLog } from '@armada-ts/client/logs';
import type { CommandContext } from '../command.ts';
import { ExitCode } from '../exit-codes.ts';
import { selectJob } from '../job-arguments.ts';
import { noteInterruption } from '../interruption.ts';
import { parseByteCount } from '../option-values.ts';

interface LogsOptions {
  follow?: boolean;
  container?: string;
  tail?: number;
}

export function define(command: Command, context: CommandContext): void {
  command
    .argument('<job>', 'job id')
    .option('-f, --follow', 'go on until the run has ended')
    .option('--container <name>', 'container to read (default: the first)')
    .option('--tail <bytes>', 'only the last so many bytes', parseByteCount)
    .action(async (word: string, options: LogsOptions) => {
      context.exitCode = await printLog(selectJob(word), options, context);
    });
}

async function printLog(jobId: string, options: LogsOptions, context: CommandContext): Promise<number> {
  const interrupted = new AbortController();
  const release = context.onInterrupt(() => interrupted.abort());
  try {
    const log = readLog(await context.connection(), {
      jobId,
      container: options.container ?? '',
      offset: BigInt(-(options.tail ?? 0)),
      follow: options.follow ?? false,
      signal: interrupted.signal,
      onInterrupted: noteInterruption(context),
    });
    for await (const { data } of log) await context.output.bytes(data);
    return ExitCode.ok;
  } catch (error) {
    if (interrupted.signal.aborted && error instanceof ArmadaClientError) return ExitCode.interrupted;
    throw error;
  } finally {
    release();
  }
}
