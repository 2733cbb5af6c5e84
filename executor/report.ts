/**
 * The report loop: tells the server what becomes of runs, in order for each run,
 * and again until it is taken.
 *
 * There is no queue of events. The loop knows for each held run how much of it
 * the server knows; what is to be said follows from that and from where the run
 * is now. So memory is bounded by the runs held, however long no server can be
 * reached, and after a restart everything held is said once more, which changes
 * nothing on the server.
 */
import { type ServiceError, status } from '@grpc/grpc-js';
import { EventSequence_Event } from '@armada-ts/api/armadaevents/armadaevents';
import { type EventList } from '@armada-ts/api/executorapi/executorapi';
import { type Backoff, createBackoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { ConnectedServer, Connection } from './connection.ts';
import type { Logger } from './logger.ts';
import { retryHintMs } from './retry-hint.ts';
import { type Reporter, Stage, eventsSince, sequencesOf, stageOf } from './report-events.ts';
import { type HeldRun, type Runtime, hasEnded } from './runtime.ts';

export interface ReportDeps {
  connection: Connection;
  runtime: Runtime;
  reporter: Reporter;
  clock: Clock;
  logger: Logger;
  /** Nothing is left to say of an ended run. */
  onTold(runId: string): void;
}

/** Why a report was not taken, for the log. */
type Refusal = Pick<ServiceError, 'code' | 'details'>;

const UNREACHED: Refusal = { code: status.UNAVAILABLE, details: 'no server can be reached' };

/** What is said of one run in one call. */
interface Report {
  run: HeldRun;
  events: EventSequence_Event[];
}

/** In one call: the server's work for it is bounded, and under load a call costs as much as hundreds of events. */
const MAX_EVENTS = 1_000;
const MAX_BYTES = 2 * 1024 * 1024;
/** No event without texts is larger. */
const MAX_PLAIN_BYTES = 2 * 1024;
const CALL_TIMEOUT_MS = 30_000;
/** How long a server is waited for before it is said that there is none. */
const REACH_MS = 10_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 5_000;
/** While it goes on failing, it is logged this often. */
const LOG_AGAIN_MS = 10_000;

/**
 * Answers that will not get better by waiting. Only part of the batch may be to
 * blame, so it is sent in smaller parts, and a run that is refused by itself
 * lets the others go first.
 */
const REFUSALS: ReadonlySet<status> = new Set([
  status.INVALID_ARGUMENT,
  status.RESOURCE_EXHAUSTED,
  status.INTERNAL,
  status.OUT_OF_RANGE,
  status.UNKNOWN,
]);

export class ReportLoop {
  readonly #deps: ReportDeps;
  readonly #backoff: Backoff = createBackoff(FIRST_PAUSE_MS, LAST_PAUSE_MS);
  /** Runs of which there is something to say, the longest waiting first. */
  #waiting = new Map<string, HeldRun>();
  /** How much of each held run the server knows. */
  readonly #known = new Map<string, Stage>();
  #maxEvents = MAX_EVENTS;
  #loggedMs = -Infinity;
  #isSending = false;
  #sending: Promise<void> = Promise.resolve();
  #wake: (() => void) | undefined;
  /** The sign came while a call was under way, whose failure says less than the sign. */
  #isRetryDue = false;
  /** The server has said when to come again. */
  #isAskedToWait = false;
  #closed = false;

  constructor(deps: ReportDeps) {
    this.#deps = deps;
    for (const run of deps.runtime.held()) this.changed(run);
  }

  /** A run has a new state. Sent at once, or when the call under way has returned. */
  changed(run: HeldRun): void {
    if (this.#closed) return;
    if (run.state.phase === 'stopped') {
      this.#told(run.runId);
      return;
    }
    this.#waiting.set(run.runId, run);
    if (this.#isSending) return;
    this.#isSending = true;
    this.#sending = this.#sendAll();
  }

  /** There is a sign that the server takes reports again: what waits is said now, not after its pause. */
  retry(): void {
    this.#isRetryDue = true;
    if (!this.#isAskedToWait) this.#wake?.();
  }

  /** Tries once more to say what waits, for at most `lingerMs`, and stops. */
  async close(lingerMs: number): Promise<void> {
    this.#wake?.();
    let timer: NodeJS.Timeout | undefined;
    const lingered = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, lingerMs);
    });
    await Promise.race([this.#sending, lingered]);
    clearTimeout(timer);
    this.#closed = true;
    this.#wake?.();
  }

  async #sendAll(): Promise<void> {
    // What changes in the same turn goes into the same call.
    await Promise.resolve();
    while (this.#waiting.size > 0 && !this.#closed) {
      const server = await this.#deps.connection.reach(REACH_MS);
      if (server === undefined) {
        this.#logFailure(0, UNREACHED);
        continue;
      }
      const reports = this.#takeReports();
      if (reports.length === 0) continue;
      this.#isRetryDue = false;
      const error = await this.#call(server, { events: sequencesOf(reports) });
      if (error === undefined) this.#taken(reports);
      else await this.#failed(reports, error);
    }
    this.#isSending = false;
  }

  #takeReports(): Report[] {
    const reports: Report[] = [];
    let count = 0;
    let bytes = 0;
    for (const [runId, run] of this.#waiting) {
      const events = eventsSince(this.#known.get(runId) ?? Stage.none, run, this.#deps.reporter);
      const size = events.reduce((sum, event) => sum + sizeOf(event), 0);
      const isFull = count + events.length > this.#maxEvents || bytes + size > MAX_BYTES;
      if (reports.length > 0 && isFull) break;
      this.#waiting.delete(runId);
      if (events.length === 0) continue;
      reports.push({ run, events });
      count += events.length;
      bytes += size;
    }
    return reports;
  }

  async #call(server: ConnectedServer, list: EventList): Promise<ServiceError | undefined> {
    const { connection, clock } = this.#deps;
    const options = { deadline: clock.now() + CALL_TIMEOUT_MS };
    const refusal = await new Promise<ServiceError | undefined>((resolve) => {
      server.executorApi.reportEvents(list, connection.metadata(), options, (error) =>
        resolve(error ?? undefined),
      );
    });
    const isOut = refusal?.code === status.UNAVAILABLE || refusal?.code === status.DEADLINE_EXCEEDED;
    if (isOut) connection.passOver(server);
    return refusal;
  }

  #taken(reports: readonly Report[]): void {
    this.#backoff.reset();
    this.#maxEvents = Math.min(MAX_EVENTS, this.#maxEvents * 2);
    for (const { run } of reports) {
      if (hasEnded(run.state)) this.#told(run.runId);
      else if (this.#deps.runtime.holds(run.runId)) this.#known.set(run.runId, stageOf(run.state));
    }
  }

  async #failed(reports: readonly Report[], error: ServiceError): Promise<void> {
    const isRefused = REFUSALS.has(error.code);
    const isAlone = reports.length === 1;
    const still = new Map<string, HeldRun>();
    for (const { run } of reports) {
      if (this.#deps.runtime.holds(run.runId)) still.set(run.runId, this.#waiting.get(run.runId) ?? run);
    }
    const [first, last] = isRefused && isAlone ? [this.#waiting, still] : [still, this.#waiting];
    this.#waiting = new Map([...first, ...last]);
    this.#logFailure(reports.length, error);
    const isSplit = isRefused && !isAlone;
    if (isSplit) this.#maxEvents = Math.max(1, Math.floor(countOf(reports) / 2));
    // A server that has too much to do says when to come again; smaller parts alone are no relief to it.
    const hintMs = retryHintMs(error);
    this.#isAskedToWait = hintMs !== undefined;
    if (hintMs !== undefined) await this.#pause(Math.max(hintMs, this.#backoff.next()));
    else if (!isSplit && !this.#isRetryDue) await this.#pause(this.#backoff.next());
  }

  #logFailure(runs: number, { code, details: reason }: Refusal): void {
    const { clock, logger } = this.#deps;
    if (clock.elapsed() - this.#loggedMs < LOG_AGAIN_MS) return;
    this.#loggedMs = clock.elapsed();
    const fields = { code, reason, runs, waiting: this.#waiting.size };
    logger.warn(fields, 'the server did not take a report; it is sent again');
  }

  #told(runId: string): void {
    this.#waiting.delete(runId);
    this.#known.delete(runId);
    this.#deps.onTold(runId);
  }

  #pause(pauseMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Only failures have texts; the others are a few names, and encoding them twice to know their sizes would cost more than it tells. */
function sizeOf(event: EventSequence_Event): number {
  const isFailure = event.event?.$case === 'jobRunErrors';
  return isFailure ? EventSequence_Event.encode(event).finish().length : MAX_PLAIN_BYTES;
}

function countOf(reports: readonly Report[]): number {
  return reports.reduce((sum, { events }) => sum + events.length, 0);
}
