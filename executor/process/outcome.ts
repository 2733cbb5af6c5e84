/** What became of a run, from what became of its containers. Pure. */
import type { ContainerFailure, FailureReason, RunFailure, RunState } from '../runtime.ts';
import type { ContainerEnd } from './container.ts';
import type { Ending } from './run-directory.ts';

/** A container of a run and how it ended; undefined when it never started. */
export interface EndedContainer {
  name: string;
  end: ContainerEnd | undefined;
  /** More about an exit code, such as that the program does not exist; empty when there is nothing to add. */
  hint: string;
}

/** Everything that decides how a run ended. */
export interface RunEnd {
  containers: readonly EndedContainer[];
  /** Why it was made to end; undefined when it ended by itself. */
  ending: Ending | undefined;
  finishedAtMs: number;
  atMostOnce: boolean;
}

/** Exit code shown for a container that was gone without one: what SIGKILL gives. */
const KILLED = 137;

/** The run's final state. */
export function outcomeOf(run: RunEnd): RunState {
  if (run.ending?.cause === 'stopped') return { phase: 'stopped' };
  const failure = run.ending === undefined ? failureByItself(run) : failureByEnding(run.ending, run);
  if (failure === undefined) return { phase: 'succeeded', finishedAtMs: run.finishedAtMs };
  return { phase: 'failed', finishedAtMs: run.finishedAtMs, failure };
}

function failureByItself(run: RunEnd): RunFailure | undefined {
  const failed = run.containers.find(({ end }) => end !== undefined && exitCodeOf(end) !== 0);
  return failed === undefined ? undefined : failureBy(failed, run);
}

function failureByEnding(ending: Ending, run: RunEnd): RunFailure {
  switch (ending.cause) {
    case 'container': {
      const first = run.containers.find(({ name }) => name === ending.message);
      return first === undefined ? podError(ending.message, 'AppError', run) : failureBy(first, run);
    }
    case 'deadline':
      return podError(ending.message, 'DeadlineExceeded', run);
    case 'failed':
    case 'stopped':
      return podError(ending.message, 'AppError', run);
  }
}

/** The failure that one container's end means for the run. */
function failureBy({ name, end, hint }: EndedContainer, run: RunEnd): RunFailure {
  const runAttempted = run.containers.some((one) => one.end !== undefined && one.end.how !== 'unstartable');
  if (end?.how === 'unstartable' && !(run.atMostOnce && runAttempted)) {
    const message = `container "${name}" could not be started: ${end.message}`;
    return { kind: 'leaseReturned', message, runAttempted };
  }
  if (end?.how === 'vanished' && end.rebooted && !run.atMostOnce) {
    return {
      kind: 'leaseReturned',
      message: 'the machine was restarted while the run was on it',
      runAttempted: true,
    };
  }
  return podError(`container "${name}" ${describe(end, hint)}`, 'AppError', run);
}

function podError(message: string, reason: FailureReason, run: RunEnd): RunFailure {
  const containers = run.containers.flatMap(({ name, end, hint }): ContainerFailure[] => {
    const exitCode = end === undefined ? 0 : exitCodeOf(end);
    if (exitCode === 0) return [];
    const byDeadline = reason === 'DeadlineExceeded';
    return [
      { name, exitCode, message: describe(end, hint), reason: byDeadline ? 'DeadlineExceeded' : 'Error' },
    ];
  });
  return { kind: 'podError', message, reason, containers };
}

function exitCodeOf(end: ContainerEnd): number {
  return end.how === 'exited' ? end.exitCode : KILLED;
}

function describe(end: ContainerEnd | undefined, hint: string): string {
  switch (end?.how) {
    case undefined:
      return 'did not start';
    case 'exited': {
      const said = `exited with code ${end.exitCode}`;
      return hint === '' ? said : `${said}: ${hint}`;
    }
    case 'vanished':
      return end.rebooted
        ? 'was lost when the machine was restarted'
        : 'is gone without an exit code: its processes were killed from outside';
    case 'unstartable':
      return `could not be started: ${end.message}`;
  }
}
