import path from 'node:path';
import type { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import type { Container, PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { heldRun } from '../held-run.ts';
import type { Logger } from '../logger.ts';
import { podName } from '../pod.ts';
import { type HeldRun, type RunState, hasEnded } from '../runtime.ts';
import { type Command, UnsupportedPod, commandOf, podSpecOf } from './command.ts';
import { type ContainerEnd, type ContainerHost, ContainerProcess } from './container.ts';
import { type EndedContainer, outcomeOf } from './outcome.ts';
import { explainExit, findAt } from './program.ts';
import {
  type AcceptedRun,
  type Ending,
  containerDirectory,
  readEnding,
  readOutcome,
  writeEnding,
  writeOutcome,
} from './run-directory.ts';

/** What a run needs of its runtime. */
export interface RunHost extends ContainerHost {
  /** Does this soon, one thing at a time, so that a burst of starts lets other work through. */
  soon(what: () => void): void;
  onChange(run: HeldRun): void;
  logger: Logger;
}

/** One container on its way. */
interface Part {
  kind: 'init' | 'main';
  name: string;
  directory: string;
  command: Command;
  process: ContainerProcess | undefined;
  end: ContainerEnd | undefined;
}

const DEFAULT_GRACE_SECONDS = 30;
/** The longest a timer can wait; a longer deadline is set again when it fires. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/**
 * One run, from its acceptance to its end: the init containers one after the
 * other, then the containers side by side; when one fails, the others are ended.
 *
 * It has no memory but its directory: `begin` does the same for a run that was
 * just accepted and for one that an earlier executor process left.
 */
export class ProcessRun {
  readonly directory: string;
  /** Of the machine's start during which it was accepted. */
  readonly #bootId: string;
  readonly #host: RunHost;
  #held: HeldRun;
  #parts: Part[] = [];
  #ending: Ending | undefined;
  #graceMs = 0;
  #deadline: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(accepted: AcceptedRun, node: string, host: RunHost) {
    const { lease, acceptedAtMs } = accepted;
    this.directory = accepted.directory;
    this.#bootId = accepted.bootId;
    this.#host = host;
    this.#held = heldRun(lease, node, acceptedAtMs);
  }

  get held(): HeldRun {
    return this.#held;
  }

  /**
   * Starts the run, or goes on with it where an earlier executor process left it.
   * The lease is not kept: it is large, and ended runs are many while no server
   * takes their reports.
   */
  begin(lease: JobRunLease): void {
    const outcome = readOutcome(this.directory);
    if (outcome !== undefined) {
      this.#change(outcome.state, outcome.startedAtMs);
      return;
    }
    this.#host.onChange(this.#held);
    this.#ending = readEnding(this.directory);
    try {
      const spec = podSpecOf(lease);
      this.#parts = this.#partsOf(spec, lease);
      this.#graceMs = 1_000 * Number(spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS);
      this.#setDeadline(spec.activeDeadlineSeconds);
    } catch (error) {
      if (!(error instanceof UnsupportedPod)) throw error;
      this.#setEnding('failed', error.message);
    }
    this.#advance();
  }

  /** Ends the run before its time; a second call changes only what is said of it. */
  end(cause: Ending['cause'], message: string): void {
    if (hasEnded(this.#held.state) || (this.#ending !== undefined && cause !== 'stopped')) return;
    this.#setEnding(cause, message);
    this.#advance();
  }

  /** Stops looking; the run goes on. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#deadline);
    for (const part of this.#parts) part.process?.close();
  }

  #partsOf(spec: PodSpec, lease: JobRunLease): Part[] {
    const { directory } = this;
    const { jobId, namespace, node } = this.#held;
    const facts = { lease, namespace, node, podName: podName(jobId) };
    const part = (kind: Part['kind'], container: Container, index: number): Part => {
      const field = `pod_spec.${kind === 'init' ? 'initContainers' : 'containers'}[${index}]`;
      return {
        kind,
        name: container.name ?? '',
        directory: containerDirectory(directory, kind, index),
        command: commandOf(container, field, facts, this.#host.environment),
        process: undefined,
        end: undefined,
      };
    };
    return [
      ...spec.initContainers.map((container, i) => part('init', container, i)),
      ...spec.containers.map((container, i) => part('main', container, i)),
    ];
  }

  /** Does what is next, whatever has happened. */
  #advance(): void {
    if (this.#closed || hasEnded(this.#held.state)) return;
    for (const part of this.#parts) {
      if (part.end === undefined && part.process === undefined) this.#go(part);
      if (part.kind === 'init' && part.end === undefined && this.#ending === undefined) return;
    }
    const live = this.#parts.filter((part) => part.process !== undefined && part.end === undefined);
    if (this.#ending !== undefined) {
      const spentMs = this.#host.clock.now() - this.#ending.atMs;
      for (const part of live) part.process?.terminate(this.#graceMs - Math.max(0, spentMs));
    }
    if (live.length === 0) this.#finish();
  }

  /** Starts a container, or finds it again. */
  #go(part: Part): void {
    const process = new ContainerProcess(part.directory, this.#host, {
      onStarted: (atMs) => {
        if (part.kind === 'main' && this.#held.startedAtMs === undefined) {
          this.#change({ phase: 'running' }, Math.max(atMs, this.#held.acceptedAtMs));
        }
      },
      onEnded: (end) => this.#ended(part, end),
    });
    if (this.#bootId !== this.#host.bootId) {
      // It may have run before the machine went down: the mark of it need not have reached the disk.
      this.#ended(part, process.endBeforeBoot() ?? { how: 'vanished', rebooted: true });
    } else if (ContainerProcess.wasStarted(part.directory)) {
      part.process = process;
      process.adopt();
    } else if (this.#ending === undefined) {
      part.process = process;
      this.#host.soon(() => this.#start(part, process));
    }
  }

  #start(part: Part, process: ContainerProcess): void {
    if (this.#closed) return;
    const directory = path.resolve(path.join(this.directory, 'work'), part.command.workingDirectory ?? '');
    if (this.#ending === undefined && !findAt(directory)?.isDirectory()) {
      const message = `container "${part.name}": workingDir "${directory}" is not a directory of this machine`;
      this.#setEnding('failed', message);
    }
    if (this.#ending !== undefined) {
      process.close();
      part.process = undefined;
      this.#advance();
      return;
    }
    process.start(part.command, directory);
  }

  /** Keeps on disk that the run is being ended, before anything is done about it. */
  #setEnding(cause: Ending['cause'], message: string): void {
    this.#ending = { cause, message, atMs: this.#ending?.atMs ?? this.#host.clock.now() };
    const ending = this.#ending;
    this.#keep(() => writeEnding(this.directory, ending));
  }

  #ended(part: Part, end: ContainerEnd): void {
    part.end = end;
    const isFailed = end.how !== 'exited' || end.exitCode !== 0;
    if (isFailed && this.#ending === undefined) this.#setEnding('container', part.name);
    this.#host.soon(() => this.#advance());
  }

  #finish(): void {
    clearTimeout(this.#deadline);
    const { startedAtMs, acceptedAtMs, atMostOnce } = this.#held;
    const endedAtMs = this.#parts.map(({ end }) =>
      end?.how === 'exited' ? end.atMs : this.#host.clock.now(),
    );
    const finishedAtMs = Math.max(startedAtMs ?? acceptedAtMs, this.#ending?.atMs ?? 0, ...endedAtMs);
    const containers = this.#parts.map((part): EndedContainer => {
      const exitCode = part.end?.how === 'exited' ? part.end.exitCode : 0;
      return { name: part.name, end: part.end, hint: explainExit(exitCode, part.command, this.directory) };
    });
    const state = outcomeOf({ containers, ending: this.#ending, finishedAtMs, atMostOnce });
    this.#keep(() => writeOutcome(this.directory, { startedAtMs, state }));
    this.#change(state, startedAtMs);
  }

  /** A full disk must not end the executor; what is not kept is found out again after a restart. */
  #keep(write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#host.logger.error({ runId: this.#held.runId, err: error }, 'cannot write to the run directory');
    }
  }

  #setDeadline(seconds: bigint | undefined): void {
    if (seconds === undefined || seconds <= 0n) return;
    const check = () => {
      const leftMs = this.#held.acceptedAtMs + 1_000 * Number(seconds) - this.#host.clock.now();
      if (leftMs <= 0) {
        this.end('deadline', `the run took longer than activeDeadlineSeconds (${seconds})`);
        return;
      }
      this.#deadline = setTimeout(check, Math.min(leftMs, LONGEST_TIMER_MS));
      this.#deadline.unref();
    };
    this.#host.soon(check);
  }

  #change(state: RunState, startedAtMs: number | undefined): void {
    if (this.#closed) return;
    this.#held = { ...this.#held, startedAtMs, state };
    this.#host.onChange(this.#held);
  }
}
