import fs from 'node:fs';
import path from 'node:path';
import type { JobRunLease, NodeInfo } from '@armada-ts/api/executorapi/executorapi';
import type { Clock } from '../clock.ts';
import type { Logger } from '../logger.ts';
import { endOfferedAgain, heldRun, isAtMostOnce } from '../held-run.ts';
import { type NodeIndex, indexNodes, nodeFor } from '../nodes.ts';
import {
  type HeldRun,
  LogNotFound,
  type LogPart,
  type LogRequest,
  type OpenRuntime,
  type Runtime,
  hasEnded,
} from '../runtime.ts';
import { podSpecOf } from './command.ts';
import { EndedRuns } from './ended.ts';
import { lockFile } from './lock.ts';
import { readLog } from './log.ts';
import { ProcessRun, type RunHost } from './run.ts';
import {
  type AcceptedRun,
  containerDirectory,
  createRunDirectory,
  isSafeRunId,
  listRunIds,
  readOutcome,
  readRunDirectory,
  writeOutcome,
  writeWhole,
} from './run-directory.ts';
import { createSessionReader, readBootId } from './session.ts';
import { SHIM } from './shim.ts';

/** What the process runtime is told. */
export interface ProcessSettings {
  /** Everything is kept below it; made if missing. One executor at a time. */
  directory: string;
  nodes: readonly NodeInfo[];
  /** About how much of a container's output is kept. */
  logMaxBytes: number;
  endedKeptMs: number;
  endedKeptMax: number;
  /** The executor's own environment. */
  environment: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  logger: Logger;
}

/**
 * Runs the commands of containers as processes of this machine. Opening throws
 * DirectoryLocked, and fails where there is no Linux /proc.
 */
export function processRuntime(settings: ProcessSettings): OpenRuntime {
  return async (onChange) => new ProcessRuntime(settings, onChange);
}

class ProcessRuntime implements Runtime {
  readonly #settings: ProcessSettings;
  readonly #nodeIndex: NodeIndex;
  readonly #host: RunHost;
  readonly #lock: { release(): void };
  readonly #runs = new Map<string, ProcessRun>();
  readonly #ended: EndedRuns;
  /** Runs that could not even be kept on disk, until their failure is reported. */
  readonly #refused = new Map<string, HeldRun>();
  readonly #soon: (() => void)[] = [];
  #closed = false;

  constructor(settings: ProcessSettings, onChange: (run: HeldRun) => void) {
    const { directory, logMaxBytes, environment, clock } = settings;
    this.#settings = settings;
    this.#nodeIndex = indexNodes(settings.nodes);
    for (const name of ['runs', 'ended']) makePrivate(path.join(directory, name));
    this.#lock = lockFile(path.join(directory, 'lock'));
    const shimFile = path.join(directory, 'shim');
    writeWhole(shimFile, SHIM);
    const bootId = readBootId();
    this.#host = {
      shimFile,
      bootId,
      sessions: createSessionReader(bootId, () => clock.elapsed()),
      clock,
      logMaxBytes,
      environment,
      soon: (what) => this.#doSoon(what),
      onChange,
      logger: settings.logger,
    };
    const limits = { keptMs: settings.endedKeptMs, keptMax: settings.endedKeptMax };
    this.#ended = new EndedRuns(path.join(directory, 'ended'), limits, clock);
    this.#recover();
  }

  nodes(): readonly NodeInfo[] {
    return this.#settings.nodes;
  }

  *held(): Iterable<HeldRun> {
    for (const run of this.#runs.values()) yield run.held;
    yield* this.#refused.values();
  }

  holds(runId: string): boolean {
    return this.#runs.has(runId) || this.#refused.has(runId);
  }

  start(lease: JobRunLease): void {
    if (this.holds(lease.jobRunId) || this.#closed) return;
    try {
      this.#begin(this.#accept(lease));
    } catch (error) {
      this.#settings.logger.error({ runId: lease.jobRunId, err: error }, 'a run cannot be kept');
      this.#refuse(lease, error instanceof Error ? error.message : String(error));
    }
  }

  stop(runId: string, failure?: string): void {
    this.#runs.get(runId)?.end(failure === undefined ? 'stopped' : 'failed', failure ?? '');
  }

  forget(runId: string): void {
    this.#refused.delete(runId);
    const run = this.#runs.get(runId);
    if (run === undefined || !hasEnded(run.held.state)) return;
    this.#runs.delete(runId);
    run.close();
    try {
      this.#ended.add(runId, run.held.jobId, run.directory);
    } catch (error) {
      this.#settings.logger.error({ runId, err: error }, 'an ended run cannot be put aside');
    }
  }

  log(request: LogRequest): AsyncIterable<LogPart> {
    const run = this.#findRun(request.jobId, request.runId);
    if (run === undefined) throw new LogNotFound('there is no log of this run here');
    const container = containerOf(run, request.container);
    const runId = run.lease.jobRunId;
    const source = {
      file: () => {
        const held = this.#runs.get(runId)?.directory ?? path.join(this.#settings.directory, 'ended', runId);
        return path.join(container(held), 'log');
      },
      isComplete: () => {
        const state = this.#runs.get(runId)?.held.state;
        return state === undefined || hasEnded(state);
      },
    };
    return readLog(source, request.offset, request.follow, request.signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#soon.length = 0;
    for (const run of this.#runs.values()) run.close();
    this.#ended.close();
    this.#lock.release();
  }

  #recover(): void {
    const parent = path.join(this.#settings.directory, 'runs');
    for (const draft of fs.readdirSync(parent).filter((name) => name.startsWith('.new-'))) {
      fs.rmSync(path.join(parent, draft), { recursive: true, force: true });
    }
    for (const runId of listRunIds(parent)) {
      try {
        this.#begin(readRunDirectory(this.#directoryOf(runId)));
      } catch (error) {
        // The server offers the run again; damage must not keep the others from being found.
        this.#settings.logger.error({ runId, err: error }, 'a run on disk cannot be read and is passed over');
      }
    }
  }

  /** Keeps the lease on disk, or finds it there if the run has been here before. */
  #accept(lease: JobRunLease): AcceptedRun {
    const runId = lease.jobRunId;
    if (!isSafeRunId(runId)) throw new Error('the run id cannot name a directory');
    const directory = this.#directoryOf(runId);
    const acceptedAtMs = this.#settings.clock.now();
    if (this.#ended.takeBack(runId, directory)) {
      const before = readOutcome(directory);
      if (before !== undefined) {
        writeOutcome(directory, { ...before, state: endOfferedAgain(before.state, acceptedAtMs) });
      }
      return readRunDirectory(directory);
    }
    const accepted = { directory, lease, acceptedAtMs, bootId: this.#host.bootId };
    createRunDirectory(accepted, isAtMostOnce(lease));
    return accepted;
  }

  #refuse(lease: JobRunLease, why: string): void {
    const finishedAtMs = this.#settings.clock.now();
    const message = `the executor cannot keep the run: ${why}`;
    const refused: HeldRun = {
      ...heldRun(lease, this.#nodeOf(lease), finishedAtMs),
      state: {
        phase: 'failed',
        finishedAtMs,
        failure: { kind: 'leaseReturned', message, runAttempted: false },
      },
    };
    this.#refused.set(refused.runId, refused);
    this.#host.onChange(refused);
  }

  #begin(accepted: AcceptedRun): void {
    const { jobRunId } = accepted.lease;
    const run = new ProcessRun(accepted, this.#nodeOf(accepted.lease), this.#host);
    this.#runs.set(jobRunId, run);
    try {
      run.begin(accepted.lease);
    } catch (error) {
      // Held but not begun, it would never end.
      this.#runs.delete(jobRunId);
      run.close();
      throw error;
    }
  }

  #nodeOf(lease: JobRunLease): string {
    return nodeFor(lease, this.#nodeIndex);
  }

  #findRun(jobId: string, runId: string | undefined): AcceptedRun | undefined {
    let newest: HeldRun | undefined;
    for (const held of this.held()) {
      if (held.jobId !== jobId || (runId !== undefined && runId !== held.runId)) continue;
      if (newest === undefined || held.acceptedAtMs >= newest.acceptedAtMs) newest = held;
    }
    if (newest !== undefined) return readRunDirectory(this.#directoryOf(newest.runId));
    return this.#ended.find(jobId, runId);
  }

  #directoryOf(runId: string): string {
    return path.join(this.#settings.directory, 'runs', runId);
  }

  /** Starting a process takes a millisecond or two: between two of them everything else gets its turn. */
  #doSoon(what: () => void): void {
    if (this.#closed) return;
    this.#soon.push(what);
    if (this.#soon.length > 1) return;
    const next = () => {
      try {
        this.#soon[0]?.();
      } catch (error) {
        // Whatever is wrong with one run, the others are not to suffer: it would also meet every new start.
        this.#settings.logger.error({ err: error }, 'a run cannot be gone on with');
      }
      this.#soon.shift();
      if (this.#soon.length > 0) setImmediate(next);
    };
    setImmediate(next);
  }
}

/** What runs are told and what they print may be secret: nobody but the user of the executor is let in, whoever made it. */
function makePrivate(directory: string): void {
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  fs.chmodSync(directory, 0o700);
}

/** Where a container's directory is within that of its run. Throws LogNotFound. */
function containerOf(run: AcceptedRun, name: string | undefined): (runDirectory: string) => string {
  const spec = podSpecOf(run.lease);
  if (name === undefined) return (directory) => containerDirectory(directory, 'main', 0);
  for (const [kind, containers] of [
    ['main', spec.containers],
    ['init', spec.initContainers],
  ] as const) {
    const index = containers.findIndex((container) => container.name === name);
    if (index >= 0) return (directory) => containerDirectory(directory, kind, index);
  }
  throw new LogNotFound(`the run has no container "${name}"`);
}
