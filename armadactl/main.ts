import { homedir } from 'node:os';
import type { Host } from './command.ts';
import { ExitCode } from './exit-codes.ts';
import { runProgram } from './program.ts';

let endsWithReader = true;

const host: Host = {
  environment: process.env,
  homeDirectory: homedir(),
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  onInterrupt: (listener) => {
    process.on('SIGINT', listener).on('SIGTERM', listener);
    return () => process.off('SIGINT', listener).off('SIGTERM', listener);
  },
  askHidden: async (question) => (await import('./hidden-prompt.ts')).askHidden(question),
  outliveReader: () => (endsWithReader = false),
};

// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') {
    process.stderr.write(`error: cannot write the output: ${error.message}\n`);
    process.exit(ExitCode.failed);
  }
  if (endsWithReader) process.exit(process.exitCode ?? ExitCode.ok);
});

process.exitCode = await runProgram(process.argv.slice(2), host);
