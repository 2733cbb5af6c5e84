import type { JobRunLease, NodeInfo } from '@armada-ts/api/executorapi/executorapi';
import type { Clock } from '../clock.ts';
import { endOfferedAgain, heldRun } from '../held-run.ts';
import { type NodeIndex, indexNodes, nodeFor } from '../nodes.ts';
import {
  type HeldRun,
  LogNotFound,
  type LogPart,
  type LogRequest,
  type OpenRuntime,
  type RunState,
  type Runtime,
  hasEnded,
} from '../runtime.ts';
import { Agenda } from './agenda.ts';
import { type Fate, type SimulationSettings, fateOf } from './fate.ts';

/** Ended runs that are remembered, so that one offered again gives the same end. */
const REMEMBERED_ENDS = 10_000;

/**
 * Pretends to run jobs: for tests, for trying things out, and for load without a
 * cluster. What it holds lives in memory: it outlasts closing and opening again
 * with the same OpenRuntime, not the process.
 */
export function simulatedRuntime(
  settings: SimulationSettings,
  nodes: readonly NodeInfo[],
  clock: Clock,
): OpenRuntime {
  const simulation = new Simulation(settings, nodes, clock);
  return async (onChange) => simulation.open(onChange);
}

class Simulation implements Runtime {
  readonly #settings: SimulationSettings;
  readonly #nodes: readonly NodeInfo[];
  readonly #nodeIndex: NodeIndex;
  readonly #clock: Clock;
  readonly #agenda: Agenda;
  readonly #runs = new Map<string, HeldRun>();
  #ended = new Map<string, HeldRun>();
  /** Those before them, let go of all at once: taking the oldest out of one map, one by one, takes ever longer. */
  #endedEarlier = new Map<string, HeldRun>();
  #onChange: (run: HeldRun) => void = () => {};

  constructor(settings: SimulationSettings, nodes: readonly NodeInfo[], clock: Clock) {
    this.#settings = settings;
    this.#nodes = nodes;
    this.#nodeIndex = indexNodes(nodes);
    this.#clock = clock;
    this.#agenda = new Agenda(clock);
  }

  open(onChange: (run: HeldRun) => void): Runtime {
    this.#onChange = onChange;
    this.#agenda.resume();
    return this;
  }

  nodes(): readonly NodeInfo[] {
    return this.#nodes;
  }

  held(): Iterable<HeldRun> {
    return this.#runs.values();
  }

  holds(runId: string): boolean {
    return this.#runs.has(runId);
  }

  start(lease: JobRunLease): void {
    const runId = lease.jobRunId;
    if (this.#runs.has(runId)) return;
    const before = this.#ended.get(runId) ?? this.#endedEarlier.get(runId);
    if (before !== undefined) {
      this.#set({ ...before, state: endOfferedAgain(before.state, this.#clock.now()) });
      return;
    }
    this.#set(heldRun(lease, nodeFor(lease, this.#nodeIndex), this.#clock.now()));
    const fate = fateOf(runId, this.#settings);
    this.#agenda.add(this.#settings.startDelayMs, () => this.#begin(runId, fate));
  }

  stop(runId: string, failure?: string): void {
    const run = this.#runs.get(runId);
    if (run === undefined || hasEnded(run.state)) return;
    if (failure === undefined) this.#set({ ...run, state: { phase: 'stopped' } });
    else this.#set({ ...run, state: this.#failed(failure, 137) });
  }

  forget(runId: string): void {
    const run = this.#runs.get(runId);
    if (run === undefined || !hasEnded(run.state)) return;
    this.#runs.delete(runId);
    this.#ended.set(runId, run);
    if (this.#ended.size < REMEMBERED_ENDS) return;
    this.#endedEarlier = this.#ended;
    this.#ended = new Map();
  }

  async *log(request: LogRequest): AsyncIterable<LogPart> {
    const runs = [...this.#runs.values(), ...this.#ended.values(), ...this.#endedEarlier.values()];
    const { jobId, runId } = request;
    if (!runs.some((run) => run.jobId === jobId && (runId === undefined || run.runId === runId))) {
      throw new LogNotFound('there is no log of this run here');
    }
    const data = Buffer.from('This run is simulated: it writes no log.\n');
    const offset = request.offset < 0 ? Math.max(0, data.length + request.offset) : request.offset;
    if (offset < data.length) yield { data: data.subarray(offset), offset };
  }

  async close(): Promise<void> {
    this.#agenda.pause();
    this.#onChange = () => {};
  }

  #begin(runId: string, fate: Fate): void {
    const run = this.#runs.get(runId);
    if (run === undefined || hasEnded(run.state)) return;
    if (fate.end === 'isReturned') {
      const failure = {
        kind: 'leaseReturned',
        message: 'simulated: could not start',
        runAttempted: false,
      } as const;
      this.#set({ ...run, state: { phase: 'failed', finishedAtMs: this.#clock.now(), failure } });
      return;
    }
    this.#set({ ...run, startedAtMs: this.#clock.now(), state: { phase: 'running' } });
    this.#agenda.add(fate.runMs, () => this.#end(runId, fate));
  }

  #end(runId: string, fate: Fate): void {
    const run = this.#runs.get(runId);
    if (run === undefined || hasEnded(run.state)) return;
    const finishedAtMs = this.#clock.now();
    const state: RunState =
      fate.end === 'fails' ? this.#failed('simulated failure', 1) : { phase: 'succeeded', finishedAtMs };
    this.#set({ ...run, state });
  }

  #failed(message: string, exitCode: number): RunState {
    const container = { name: 'simulated', exitCode, message, reason: 'Error' };
    const failure = { kind: 'podError', message, reason: 'AppError', containers: [container] } as const;
    return { phase: 'failed', finishedAtMs: this.#clock.now(), failure };
  }

  #set(run: HeldRun): void {
    this.#runs.set(run.runId, run);
    this.#onChange(run);
  }
}
