/** A program's outermost part: start, wait for a signal or a failure, stop, exit. */
import { isatty } from 'node:tty';
import { ArmadaError } from './base/errors.ts';
import { ConfigError } from './config.ts';

/** What was started. */
export interface Running {
  failed: Promise<never>;
  close(): Promise<void>;
}

/** How long stopping may take before the process just ends. */
const STOP_MS = 15_000;

const NOTHING_TO_READ =
  'SIGHUP: certificates, users, keytabs, tokens and the audit log are read or opened again whenever they change; for other settings stop and start';

/**
 * Starts, and ends the process: with 0 after SIGTERM or SIGINT, and when its
 * terminal is gone, with 2 for a wrong configuration or command line, with 1 for
 * everything else.
 */
export async function runUntilStopped(program: string, start: () => Promise<Running>): Promise<void> {
  // Asked before it is gone.
  const hasTerminal = isatty(0);
  // From now on: a start may wait long for the store.
  if (!hasTerminal) process.on('SIGHUP', () => process.stderr.write(`${program}: ${NOTHING_TO_READ}\n`));
  let running: Running;
  try {
    running = await start();
  } catch (error) {
    fail(program, error);
  }
  const stop = Promise.withResolvers<void>();
  process.on('SIGTERM', stop.resolve);
  process.on('SIGINT', stop.resolve);
  if (hasTerminal) process.on('SIGHUP', stop.resolve);
  let code = 0;
  try {
    await Promise.race([stop.promise, running.failed]);
  } catch (error) {
    process.stderr.write(`${program}: ${textOf(error)}\n`);
    code = 1;
  }
  setTimeout(() => process.exit(1), STOP_MS).unref();
  await running.close();
  process.exit(code);
}

/**
 * Does one thing, and ends the process: with 0 when it is done, with 2 for a wrong
 * command line, with 1 for everything else. SIGTERM and SIGINT abort it.
 */
export async function runOnce(program: string, act: (signal: AbortSignal) => Promise<void>): Promise<void> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort(new ArmadaError('UNAVAILABLE', 'stopped before it was done'));
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    await act(stopping.signal);
  } catch (error) {
    fail(program, error);
  }
  process.exit(0);
}

function fail(program: string, error: unknown): never {
  process.stderr.write(`${program}: ${textOf(error)}\n`);
  process.exit(isUsage(error) ? 2 : 1);
}

function isUsage(error: unknown): boolean {
  if (error instanceof ConfigError) return true;
  // While starting there is no request but the configuration's.
  if (error instanceof ArmadaError) return error.code === 'INVALID_REQUEST';
  return error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
}

/** For people: what is wrong, without a stack where the cause is known. */
function textOf(error: unknown): string {
  if (error instanceof ArmadaError) {
    const faults = error.faults.map(({ field, message }) => `${field} ${message}`);
    return [error.message, ...faults].join(': ');
  }
  if (isUsage(error)) return (error as Error).message;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
