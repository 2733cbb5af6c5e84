import { ExitCode } from './exit-codes.ts';

/** An end of a command that was foreseen: what happened, what to do about it, and what to tell the shell. */
export class Failure extends Error {
  readonly exitCode: number;
  /** Lines below the message: the faults one by one, then what to type. */
  readonly details: readonly string[];

  constructor(
    exitCode: number,
    message: string,
    more: { details?: readonly string[] | undefined; cause?: unknown } = {},
  ) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'Failure';
    this.exitCode = exitCode;
    this.details = more.details ?? [];
  }
}

/** The command line itself is wrong. */
export function usageFailure(message: string): Failure {
  return new Failure(ExitCode.usage, message);
}

/** Several failures as one: their own when there is but one, else the code they share. */
export function joinedFailure(failures: readonly Failure[], message: string): Failure {
  const [first] = failures;
  if (first && failures.length === 1) return first;
  const isShared = failures.every(({ exitCode }) => exitCode === first?.exitCode);
  return new Failure(isShared && first ? first.exitCode : ExitCode.failed, message, {
    details: failures.flatMap(({ message: each, details }) => [
      each,
      ...details.map((detail) => `  ${detail}`),
    ]),
  });
}
