/**
 * What actually runs jobs: one small interface with one folder for each way
 * (process/, simulated/, later kubernetes/).
 *
 * A runtime is told to start and stop runs and tells what becomes of them. It
 * outlives its caller: after a restart it finds again what is running and what
 * ended meanwhile. It knows nothing of gRPC, servers or events.
 */
import type { JobRunLease, NodeInfo } from '@armada-ts/api/executorapi/executorapi';

/** A run the runtime holds. A new value is made for each change, so one that was handed out never changes. */
export interface HeldRun {
  readonly jobId: string;
  readonly runId: string;
  readonly queue: string;
  readonly jobSet: string;
  readonly namespace: string;
  /** Name of the node it is on; empty when its lease names none that is here. */
  readonly node: string;
  /** It must not run beside a second run of its job, so it is stopped when no server can be reached for long. */
  readonly atMostOnce: boolean;
  /** W3C traceparent of what led to it; undefined when that is not traced. */
  readonly traceparent: string | undefined;
  readonly acceptedAtMs: number;
  /** When its first main container started; undefined until then, and for a run that ended before. */
  readonly startedAtMs: number | undefined;
  readonly state: RunState;
}

/** Where a run stands, as its executor sees it. All times are milliseconds since the Unix epoch. */
export type RunState =
  /** Accepted; no main container has started. */
  | { phase: 'pending' }
  | { phase: 'running' }
  | { phase: 'succeeded'; finishedAtMs: number }
  | { phase: 'failed'; finishedAtMs: number; failure: RunFailure }
  /** It was told to stop, and nothing of it is left. Nobody is told: who had it stopped knows. */
  | { phase: 'stopped' };

/** Why a run failed. Plain data, so that a runtime can keep it. */
export type RunFailure =
  | {
      kind: 'podError';
      message: string;
      reason: FailureReason;
      /** Those that ended with an exit code other than 0. */
      containers: readonly ContainerFailure[];
    }
  /** The job is sound and should be tried again, here or elsewhere. */
  | { kind: 'leaseReturned'; message: string; runAttempted: boolean };

/** Names as in armadaevents.KubernetesReason. */
export type FailureReason = 'AppError' | 'OOM' | 'DeadlineExceeded';

export interface ContainerFailure {
  name: string;
  /** 128 + n when it died of signal n, as Kubernetes shows it. */
  exitCode: number;
  message: string;
  /** Kubernetes' word for it, such as `Error` or `DeadlineExceeded`. */
  reason: string;
}

export interface Runtime {
  /** The nodes as they are offered, without runs. */
  nodes(): readonly NodeInfo[];

  /** Every run held: live ones, and ended ones until they are forgotten. */
  held(): Iterable<HeldRun>;

  /** Whether the run is held: in the answer of `held`. */
  holds(runId: string): boolean;

  /**
   * Takes on a run: from the call on it is held, and it starts once it is kept
   * durably. Starting a run that is held changes nothing. Never throws for what
   * is wrong with the run or the machine: the run then fails.
   */
  start(lease: JobRunLease): void;

  /**
   * Ends a run: asks it to stop, and kills it after its grace period. Unknown
   * and ended runs are ignored. With `failure` the run fails with this message
   * where it would else end as `stopped`.
   */
  stop(runId: string, failure?: string): void;

  /** Drops an ended run once the server knows of its end; its output stays readable for a while. */
  forget(runId: string): void;

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

/** Opens a runtime, finding again what an earlier one left running. `onChange` hears of each new state. */
export type OpenRuntime = (onChange: (run: HeldRun) => void) => Promise<Runtime>;

/** There is no such log here. */
export class LogNotFound extends Error {}

/** Whether a run has come to its end. */
export function hasEnded(state: RunState): boolean {
  return state.phase !== 'pending' && state.phase !== 'running';
}
