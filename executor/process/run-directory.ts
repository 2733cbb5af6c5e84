/**
 * What is kept of a run on disk, so that a new executor process finds it again:
 *
 *     runs/<run id>/        a run that is held
 *       lease               as it came, encoded
 *       accepted            boot id and time (ms) of its acceptance
 *       work/               where its commands start
 *       i0/ i1/ c0/ ...     one per init container and container, see shim.ts
 *       ending              why it was told to end, if it was
 *       outcome             how it ended; from then on nothing of it runs
 *     ended/<run id>/       the same, once the server has the report: kept for
 *                           its logs, and in case the run is offered again
 *
 * Every file is put there whole by rename. Writing is synchronous: the files are
 * tiny, and a start must not wait for its turn in a thread pool.
 */
import fs from 'node:fs';
import path from 'node:path';
import { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import type { RunState } from '../runtime.ts';

/** A run as it was accepted. */
export interface AcceptedRun {
  directory: string;
  lease: JobRunLease;
  acceptedAtMs: number;
  /** Of the machine's start during which it was accepted. */
  bootId: string;
}

/** Why a run is being ended before its time. */
export interface Ending {
  cause: 'stopped' | 'failed' | 'deadline' | 'container';
  /** What to tell the user; empty where the cause says it all. */
  message: string;
  atMs: number;
}

/** How a run ended. */
export interface Outcome {
  startedAtMs: number | undefined;
  state: RunState;
}

/** Run ids become directory names, and they come from the network. */
const SAFE_NAME = /^[0-9A-Za-z][0-9A-Za-z-]{0,63}$/;

/** Whether a run id can be used as a name here. */
export function isSafeRunId(runId: string): boolean {
  return SAFE_NAME.test(runId);
}

/**
 * Makes a run's directory with its lease in it, whole or not at all.
 * @param durable also survive a power failure, at the price of some milliseconds
 */
export function createRunDirectory(run: AcceptedRun, durable: boolean): void {
  const parent = path.dirname(run.directory);
  const draft = path.join(parent, `.new-${path.basename(run.directory)}`);
  fs.rmSync(draft, { recursive: true, force: true });
  fs.mkdirSync(path.join(draft, 'work'), { recursive: true });
  fs.writeFileSync(path.join(draft, 'lease'), JobRunLease.encode(run.lease).finish(), { flush: durable });
  fs.writeFileSync(path.join(draft, 'accepted'), `${run.bootId} ${run.acceptedAtMs}\n`, { flush: durable });
  if (durable) syncDirectory(draft);
  fs.renameSync(draft, run.directory);
  if (durable) syncDirectory(parent);
}

/**
 * Reads a run back. Throws when it is damaged: most files are not synced, so a
 * power failure may leave them empty under their final names.
 */
export function readRunDirectory(directory: string): AcceptedRun {
  const accepted = fs.readFileSync(path.join(directory, 'accepted'), 'utf8');
  const [, bootId, acceptedAtMs] = /^(\S+) (\d+)\n$/.exec(accepted) ?? [];
  const lease = JobRunLease.decode(fs.readFileSync(path.join(directory, 'lease')));
  if (bootId === undefined || lease.jobRunId !== path.basename(directory)) {
    throw new Error('the files of the run are damaged');
  }
  return { directory, lease, acceptedAtMs: Number(acceptedAtMs), bootId };
}

/** Names of the runs in a directory, drafts left out. */
export function listRunIds(directory: string): string[] {
  return fs.readdirSync(directory).filter((name) => SAFE_NAME.test(name));
}

export function containerDirectory(run: string, kind: 'init' | 'main', index: number): string {
  return path.join(run, `${kind === 'init' ? 'i' : 'c'}${index}`);
}

export function writeEnding(directory: string, ending: Ending): void {
  writeWhole(path.join(directory, 'ending'), JSON.stringify(ending));
}

export function readEnding(directory: string): Ending | undefined {
  // Written by writeEnding and by nobody else.
  return readJson(path.join(directory, 'ending')) as Ending | undefined;
}

export function writeOutcome(directory: string, outcome: Outcome): void {
  writeWhole(path.join(directory, 'outcome'), JSON.stringify(outcome));
}

export function readOutcome(directory: string): Outcome | undefined {
  // Written by writeOutcome and by nobody else.
  return readJson(path.join(directory, 'outcome')) as Outcome | undefined;
}

/** What was written whole; undefined when it is not there, or was lost in a power failure. */
function readJson(file: string): unknown {
  const text = readText(file);
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A small file's text; undefined when it is not there. */
export function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Whether an error says that a file is not there. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}

/** Puts a file in place whole: a reader sees the old one or the new one. */
export function writeWhole(file: string, content: string): void {
  fs.writeFileSync(`${file}.new`, content);
  fs.renameSync(`${file}.new`, file);
}

function syncDirectory(directory: string): void {
  const descriptor = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(descriptor);
  } finally {
    fs.closeSync(descriptor);
  }
}
