/**
 * The lease loop: one stream on which the executor says what it has and holds,
 * and hears what to start and what to stop.
 *
 * The server answers each request, with an end marker last; because the stream
 * is marked `push` it also sends leases and cancellations at any time between.
 * A server that knows no marks closes the stream after the answer; then the loop
 * asks again in a while, as Armada's own executor does.
 *
 * A request is sent when the one before has been answered: so all that was sent
 * before that answer is in what the next one shows, which the server relies on
 * when it asks whether anything is left of a run, and a server that is slow is
 * asked less.
 *
 * The loop holds nothing itself. What it shows is what the runtime holds, so
 * offers and cancellations may come twice, late or not at all: the next request
 * sets both sides right. A lost server changes nothing about what runs, but for
 * jobs that must never run twice (see `#checkSilence`).
 */
import { status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import type { LeaseRequest, LeaseStreamMessage } from '@armada-ts/api/executorapi/executorapi';
import { type Backoff, createBackoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { ConnectedServer, Connection } from './connection.ts';
import type { LastContact } from './last-contact.ts';
import { type ExecutorFacts, leaseRequest } from './lease-request.ts';
import type { Logger } from './logger.ts';
import { retryHintMs } from './retry-hint.ts';
import { type Runtime, hasEnded } from './runtime.ts';

/** What the lease loop is told. */
export interface LeaseSettings {
  facts: ExecutorFacts;
  session: string;
  /** Longest time between two requests. */
  heartbeatMs: number;
  /** How long no server may be reached before runs of at-most-once jobs are stopped. */
  silenceLimitMs: number;
}

export interface LeaseDeps {
  connection: Connection;
  runtime: Runtime;
  clock: Clock;
  logger: Logger;
  contact: LastContact;
  /** A server answers, for the first time or again. */
  onConnected(): void;
}

interface Stream {
  call: ClientDuplexStream<LeaseRequest, LeaseStreamMessage>;
  server: ConnectedServer;
}

/** Changes are gathered this long before they are shown. */
const GATHER_MS = 50;
/** Shortest time between two requests that only show changes. */
const REQUEST_PAUSE_MS = 250;
/** With very many nodes and runs it is longer: this many times what making the request took. */
const REQUEST_PAUSE_SHARE = 20;
/** A server that takes longer to answer a request is as good as gone, even if it answers pings. */
const ANSWER_TIMEOUT_MS = 10_000;
/** Pause between attempts while another process holds the executor id. */
const TAKEN_PAUSE_MS = 2_000;
const SILENCE_CHECK_MS = 1_000;
/** How long a server is waited for before it is said that there is none; it is tried at least once a second. */
const REACH_MS = 3_000;
const FIRST_PAUSE_MS = 100;
const LAST_PAUSE_MS = 2_000;
/** While it goes on failing, it is logged this often. */
const LOG_AGAIN_MS = 60_000;

export class LeaseLoop {
  readonly #deps: LeaseDeps;
  readonly #settings: LeaseSettings;
  readonly #backoff: Backoff = createBackoff(FIRST_PAUSE_MS, LAST_PAUSE_MS);
  readonly #silenceTimer: NodeJS.Timeout;
  #stream: Stream | undefined;
  /** Streams opened so far. */
  #streams = 0;
  #timer: NodeJS.Timeout | undefined;
  #timerDueMs = Infinity;
  /** When the request was sent that has no answer yet. */
  #unansweredMs: number | undefined;
  /** There is something to send as soon as that answer is here. */
  #isSendDue = false;
  #sentMs = -Infinity;
  #pauseMs = REQUEST_PAUSE_MS;
  /** When the newest request was sent that a server is known to have read. */
  #heardMs: number;
  #leasesSinceRequest = 0;
  /** Ended runs to forget once a request has shown that they ended. */
  readonly #toDrop = new Set<string>();
  /** Runs stopped because of the present silence. */
  readonly #silenced = new Set<string>();
  #isConnected = false;
  #loggedMs = -Infinity;
  #closed = false;

  constructor(settings: LeaseSettings, deps: LeaseDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#heardMs = deps.clock.elapsed() - deps.contact.silentForMs;
    const checkMs = Math.min(SILENCE_CHECK_MS, settings.silenceLimitMs / 4);
    this.#silenceTimer = setInterval(() => this.#checkSilence(), checkMs);
  }

  /** Opens the stream, and from then on keeps one open. */
  start(): void {
    void this.#open();
  }

  /** What is held has changed: the server is shown soon. */
  changed(): void {
    const nowMs = this.#deps.clock.elapsed();
    this.#sendAt(Math.max(nowMs + GATHER_MS, this.#sentMs + this.#pauseMs));
  }

  /**
   * Forgets an ended run, but first shows its end: a run that is merely missing
   * from a request may be one that the executor had not got yet when it wrote
   * the request, and the server would keep its place until the next heartbeat.
   */
  dropAfterShowing(runId: string): void {
    this.#toDrop.add(runId);
    this.changed();
  }

  /** Lets go of the executor id; runs go on. */
  close(): void {
    this.#closed = true;
    clearInterval(this.#silenceTimer);
    clearTimeout(this.#timer);
    this.#stream?.call.end();
    this.#stream = undefined;
  }

  async #open(): Promise<void> {
    const { connection } = this.#deps;
    const server = await connection.reach(REACH_MS);
    if (this.#closed) return;
    if (server === undefined) {
      this.#away({ reason: 'no server can be reached' });
      return this.start();
    }
    const marks = connection.metadata({ session: this.#settings.session, stream: ++this.#streams });
    const stream = { call: server.executorApi.leaseJobRuns(marks), server };
    this.#stream = stream;
    stream.call.on('data', (message: LeaseStreamMessage) => this.#take(message));
    stream.call.on('error', (error: ServiceError) => this.#lost(stream, error));
    stream.call.once('end', () => this.#lost(stream, undefined));
    this.#send();
  }

  #take({ event }: LeaseStreamMessage): void {
    if (this.#closed) return;
    const { runtime } = this.#deps;
    switch (event?.$case) {
      case 'lease':
        runtime.start(event.value);
        this.#leasesSinceRequest++;
        this.#askForMore();
        return;
      case 'cancelRuns':
        return this.#stop(event.value.jobRunIdsToCancel);
      case 'preemptRuns':
        return this.#stop(event.value.jobRunIdsToPreempt);
      case 'end':
        return this.#answered();
      case undefined:
    }
  }

  /** The server sends no more than it was asked for, so under load it is asked again in time. */
  #askForMore(): void {
    if (this.#leasesSinceRequest < this.#settings.facts.maxJobsToLease / 2) return this.changed();
    this.#sendAt(this.#sentMs + GATHER_MS);
  }

  /** Whoever had it stopped knows; what is left to show is when nothing of it is left. */
  #stop(runIds: readonly string[]): void {
    for (const runId of runIds) this.#deps.runtime.stop(runId);
    this.changed();
  }

  #answered(): void {
    this.#heardMs = this.#unansweredMs ?? this.#heardMs;
    this.#unansweredMs = undefined;
    this.#deps.contact.heard(this.#deps.clock.elapsed() - this.#heardMs);
    this.#backoff.reset();
    this.#silenced.clear();
    if (this.#isSendDue) this.#sendAt(this.#deps.clock.elapsed());
    if (this.#isConnected) return;
    this.#isConnected = true;
    this.#loggedMs = -Infinity;
    this.#deps.onConnected();
    const fields = { executor: this.#settings.facts.executorId, server: this.#stream?.server.address };
    this.#deps.logger.info(fields, 'leasing from the server');
  }

  #sendAt(dueMs: number): void {
    if (this.#closed || this.#stream === undefined || dueMs >= this.#timerDueMs) return;
    this.#setTimer(dueMs, () => this.#send());
  }

  #setTimer(dueMs: number, what: () => void): void {
    clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    this.#timer = setTimeout(
      () => {
        this.#timerDueMs = Infinity;
        what();
      },
      Math.max(0, dueMs - this.#deps.clock.elapsed()),
    );
  }

  #send(): void {
    const stream = this.#stream;
    if (stream === undefined || this.#closed) return;
    const nowMs = this.#deps.clock.elapsed();
    if (this.#unansweredMs !== undefined) {
      const dueMs = this.#unansweredMs + ANSWER_TIMEOUT_MS;
      this.#isSendDue = true;
      if (nowMs < dueMs) this.#setTimer(dueMs, () => this.#send());
      else stream.call.cancel();
      return;
    }
    stream.call.write(leaseRequest(this.#settings.facts, this.#deps.runtime.held()));
    for (const runId of this.#toDrop) this.#deps.runtime.forget(runId);
    this.#toDrop.clear();
    const tookMs = this.#deps.clock.elapsed() - nowMs;
    const { heartbeatMs } = this.#settings;
    this.#pauseMs = Math.min(Math.max(REQUEST_PAUSE_MS, REQUEST_PAUSE_SHARE * tookMs), heartbeatMs);
    this.#unansweredMs = nowMs;
    this.#isSendDue = false;
    this.#leasesSinceRequest = 0;
    this.#sentMs = nowMs;
    this.#setTimer(nowMs + heartbeatMs, () => this.#send());
  }

  #lost(stream: Stream, error: ServiceError | undefined): void {
    if (this.#closed || stream !== this.#stream) return;
    this.#stream = undefined;
    this.#unansweredMs = undefined;
    if (error !== undefined && isServersFault(error)) this.#deps.connection.passOver(stream.server);
    const pauseMs = this.#pauseAfter(error);
    this.#setTimer(this.#deps.clock.elapsed() + pauseMs, () => this.start());
  }

  #pauseAfter(error: ServiceError | undefined): number {
    if (error === undefined && this.#isConnected) return this.#settings.heartbeatMs;
    this.#away({ code: error?.code, reason: error?.details });
    if (error?.code === status.ALREADY_EXISTS) return TAKEN_PAUSE_MS;
    const hintMs = error === undefined ? undefined : retryHintMs(error);
    return Math.max(this.#backoff.next(), hintMs ?? 0);
  }

  #away(why: { code?: number | undefined; reason: string | undefined }): void {
    const { logger, clock } = this.#deps;
    this.#isConnected = false;
    if (clock.elapsed() - this.#loggedMs < LOG_AGAIN_MS) return;
    this.#loggedMs = clock.elapsed();
    const fields = { executor: this.#settings.facts.executorId, ...why };
    logger.warn(fields, 'no lease stream to the server; runs go on, and it is tried again');
  }

  /**
   * After a certain silence the server gives up an executor's runs, and may
   * start their jobs elsewhere. A job that must never run twice is therefore
   * stopped here before that. Counted from the sending of the last request that
   * was answered: the server's silence began no earlier.
   */
  #checkSilence(): void {
    const { runtime, clock, logger } = this.#deps;
    const limitMs = this.#settings.silenceLimitMs;
    if (clock.elapsed() - this.#heardMs < limitMs) return;
    for (const run of runtime.held()) {
      if (!run.atMostOnce || hasEnded(run.state) || this.#silenced.has(run.runId)) continue;
      this.#silenced.add(run.runId);
      const seconds = Math.round(limitMs / 1_000);
      logger.warn(
        { runId: run.runId, jobId: run.jobId },
        'stopping an at-most-once run: no server can be reached',
      );
      runtime.stop(
        run.runId,
        `stopped: no server could be reached for ${seconds} s, and the job must not run twice`,
      );
    }
  }
}

/** It says nothing about us: another server may well take us. */
function isServersFault({ code }: ServiceError): boolean {
  return code === status.UNAVAILABLE || code === status.CANCELLED || code === status.INTERNAL;
}
