/**
 * What actually runs jobs: one small interface with one folder for each way
 * (process/, simulated/, later kubernetes/).
 *
 * A runtime is told to start and stop runs and tells what becomes of them. It
 * outlives its caller: after a restart `recover` finds again what is running
 * and what ended meanwhile.
 */
import type { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import type { NodeInfo } from '@armada-ts/api/executorapi/executorapi';
import type { Error as RunError } from '@armada-ts/api/armadaevents/armadaevents';

/** Where a run stands, as its executor sees it. */
export type RunState =
  /** Accepted; nothing has started. */
  | { phase: 'pending' }
  | { phase: 'running'; startedAtMs: number }
  | { phase: 'succeeded'; finishedAtMs: number }
  /** `error` is a podError, or a podLeaseReturned when the run should be tried elsewhere. */
  | { phase: 'failed'; finishedAtMs: number; error: RunError }
  /** It was told to stop, and nothing of it is left. */
  | { phase: 'stopped' };

/** A run the runtime holds. */
export interface HeldRun {
  jobId: string;
  runId: string;
  queue: string;
  jobSet: string;
  namespace: string;
  /** Name of the node it is on. */
  node: string;
  state: RunState;
}

export interface Runtime {
  /** The nodes as they are offered, without runs. */
  nodes(): NodeInfo[];

  /** Every run held: live ones, and ended ones until they are forgotten. */
  held(): readonly HeldRun[];

  /**
   * Takes on a run: keeps it durably, then starts it. Starting a run id that is
   * held already changes nothing. Resolves when it is held.
   */
  start(lease: JobRunLease): Promise<void>;

  /** Ends a run: asks it to stop, and kills it after its grace period. Unknown ids are ignored. */
  stop(runId: string): void;

  /** Drops all trace of an ended run once the server has taken its report; its output stays for a while. */
  forget(runId: string): Promise<void>;

  /** What a run wrote. Ends at the end of the log, or with `follow` when the run has ended. Throws LogNotFound. */
  log(request: LogRequest): AsyncIterable<LogPart>;

  /** Stops looking; runs go on. */
  close(): Promise<void>;
}

export interface LogRequest {
  jobId: string;
  /** Undefined for the newest run of the job here. */
  runId: string | undefined;
  /** Undefined for the first container. */
  container: string | undefined;
  /** Bytes from the start; negative from the end. */
  offset: number;
  follow: boolean;
  signal: AbortSignal;
}

export interface LogPart {
  data: Uint8Array;
  /** Place of the first byte. */
  offset: number;
}

/** Opens a runtime, finding again what an earlier process left running. */
export type OpenRuntime = (onChange: (run: HeldRun) => void) => Promise<Runtime>;

/** There is no such log here. */
export class LogNotFound extends Error {}
