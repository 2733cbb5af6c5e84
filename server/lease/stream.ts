/**
 * The lease stream: an executor says what it has and what it holds, and is told
 * what to stop and what to start.
 *
 * Two kinds of executor use it. A Go executor opens a stream every 5 s, sends
 * one request and reads to the end marker. Ours marks the stream `push`, keeps
 * it open, sends a request whenever something changed there, and is told at
 * once of what changes here. Both get the same messages from the same code:
 *
 *     request -> CancelRuns?  JobRunLease*  EndMarker
 *     (push)  -> CancelRuns?  JobRunLease*          at any time after
 *
 * Each lease is a message of its own, so that no answer outgrows what the
 * client takes, however many there are. Many are handed to the wire at once.
 */
import { JobState } from '@armada-ts/api/api/job';
import type { Spans } from '@armada-ts/api/trace/spans';
import type { ExecutorStream } from '@armada-ts/api/armada/server/v1/peers';
import { type LeaseRequest, LeaseStreamMessage } from '@armada-ts/api/executorapi/executorapi';
import type { Authorizer } from '../auth/authorizer.ts';
import type { Principal } from '../auth/principal.ts';
import type { Clock } from '../base/clock.ts';
import { ArmadaError, invalidField } from '../base/errors.ts';
import { frame } from '../base/framing.ts';
import type { Logger } from '../base/logger.ts';
import { placeNameFault } from '../model/names.ts';
import type { Store, StoredJob } from '../store/store.ts';
import type { Holders } from './holders.ts';
import type { Inbox, Inboxes } from './inboxes.ts';
import { isStopReason } from './inboxes.ts';
import { encodeLease } from './lease-message.ts';
import { spanOfLease } from './lease-span.ts';

export interface LeaseDeps {
  store: Store;
  authorizer: Authorizer;
  inboxes: Inboxes;
  holders: Holders;
  /** Told of every request: the scheduler's view of the executor, wherever it is. */
  sightings: { open(stream: ExecutorStream, end: (error: ArmadaError) => void): Sight };
  clock: Clock;
  logger: Logger;
  /** Undefined while nothing is traced. */
  spans?: Spans | undefined;
}

/** What one stream shows. */
export interface Sight {
  /** @param bytes an encoded executorapi.LeaseRequest */
  see(bytes: Uint8Array): void;
  /** The stream has ended. */
  close(): void;
}

/** A request, and as it came: what goes on to the scheduler need not be encoded again. */
export interface ReceivedRequest {
  request: LeaseRequest;
  bytes: Uint8Array;
}

/** One open stream. */
export interface LeaseStream {
  requests: AsyncIterable<ReceivedRequest>;
  /** Takes one or more encoded executorapi.LeaseStreamMessages, framed; resolves when the client can take more. */
  send: (framed: Buffer) => Promise<void>;
  /** Keep it open after the first answer and push. */
  push: boolean;
  /** Tells one process that holds an executor id from another; empty from Go executors. */
  session: string;
  /** Rises with each stream that the process opens; 0 when it does not tell. */
  number: number;
}

/** Most leases sent at once when the executor names no limit of its own that is smaller. */
const MAX_OFFERS = 1000;

/** Leases are sent together, about so many bytes at a time. */
const PIECE_BYTES = 32 * 1024;

/** How often runs are looked up again that this stream was told to stop, or that no record knew. */
const LOOK_UP_AGAIN_MS = 60_000;

/** Serves a stream until it ends. Throws PERMISSION_DENIED, INVALID_REQUEST, EXECUTOR_TAKEN. */
export async function serveLeases(deps: LeaseDeps, principal: Principal, stream: LeaseStream): Promise<void> {
  deps.authorizer.demand(principal, 'execute_jobs');
  const broken = Promise.withResolvers<never>();
  let exchange: Exchange | undefined;
  let isOver = false;
  const { session, number } = stream;
  const begin = async (executorId: string): Promise<Exchange> => {
    const letGo = await deps.holders.hold({ executorId, session, number }, broken.reject);
    if (!isOver) return openExchange({ deps, stream, fail: broken.reject, letGo }, executorId);
    letGo();
    throw new ArmadaError('UNAVAILABLE', 'the stream has ended');
  };
  const serve = async (): Promise<void> => {
    for await (const received of stream.requests) {
      const { request } = received;
      checkRequest(request, exchange?.inbox.executorId);
      deps.authorizer.demandExecutor(principal, request.executorId);
      exchange ??= await begin(request.executorId);
      await answer(exchange, received);
      if (!stream.push) return;
    }
  };
  try {
    // A push may fail, or a newer stream take over, while no request comes.
    await Promise.race([serve(), broken.promise]);
  } finally {
    isOver = true;
    if (exchange) close(exchange);
  }
}

function checkRequest(request: LeaseRequest, known: string | undefined): void {
  const { executorId } = request;
  let message = placeNameFault(executorId);
  if (message === undefined && known !== undefined && known !== executorId) {
    message = `must stay "${known}" on one stream, got "${executorId}"`;
  }
  if (message !== undefined) throw invalidField('executor_id', message);
}

interface Exchange {
  readonly deps: LeaseDeps;
  readonly stream: LeaseStream;
  readonly inbox: Inbox;
  readonly sight: Sight;
  /** Ends the stream with an error. */
  readonly fail: (error: unknown) => void;
  /** What to undo when the stream has ended. */
  readonly releases: (() => void)[];
  /** Leases that may be sent before the next request. */
  mayOffer: number;
  /** Held runs that this stream was told to stop. */
  readonly told: Set<string>;
  /** Held runs that no record knows. */
  readonly orphans: Set<string>;
  /** When told and orphans were last empty: for a while they need no looking up. */
  lookedUpMs: number;
  /** Answers and pushes share the stream, one after the other. */
  turn: Promise<void>;
  isPushWaiting: boolean;
  isClosed: boolean;
}

function openExchange(
  { deps, stream, fail, letGo }: Pick<Exchange, 'deps' | 'stream' | 'fail'> & { letGo: () => void },
  executorId: string,
): Exchange {
  const inbox = deps.inboxes.inbox(executorId);
  inbox.forgetOffers();
  const { session, number } = stream;
  const sight = deps.sightings.open({ executorId, session, number }, fail);
  const exchange: Exchange = {
    deps,
    stream,
    inbox,
    sight,
    fail,
    releases: [letGo, () => sight.close()],
    mayOffer: 0,
    told: new Set(),
    orphans: new Set(),
    lookedUpMs: deps.clock.elapsed(),
    turn: Promise.resolve(),
    isPushWaiting: false,
    isClosed: false,
  };
  if (stream.push) exchange.releases.push(inbox.subscribe(() => push(exchange)));
  return exchange;
}

function close(exchange: Exchange): void {
  exchange.isClosed = true;
  for (const release of exchange.releases) release();
  exchange.deps.inboxes.release(exchange.inbox);
}

async function answer(exchange: Exchange, { request, bytes }: ReceivedRequest): Promise<void> {
  const { stream, inbox } = exchange;
  await inTurn(exchange, async () => {
    const { shown, held } = shownRuns(request);
    exchange.mayOffer = Math.min(request.maxJobsToLease, MAX_OFFERS);
    exchange.sight.see(bytes);
    inbox.show(shown);
    await sendNews(exchange, [...inbox.takeStops(), ...(await strayStops(exchange, held))]);
    await stream.send(framed({ $case: 'end', value: {} }));
  });
}

function push(exchange: Exchange): void {
  if (exchange.isPushWaiting) return;
  exchange.isPushWaiting = true;
  inTurn(exchange, async () => {
    exchange.isPushWaiting = false;
    await sendNews(exchange, exchange.inbox.takeStops());
  }).catch((error: unknown) => exchange.fail(error));
}

/** Does something when it is its turn, unless the stream has ended by then. */
function inTurn(exchange: Exchange, what: () => Promise<void>): Promise<void> {
  const done = exchange.turn.then(() => (exchange.isClosed ? undefined : what()));
  exchange.turn = done.catch(() => {});
  return done;
}

async function sendNews(exchange: Exchange, stops: readonly string[]): Promise<void> {
  const { deps, stream, inbox, told } = exchange;
  // What is taken here would be lost with the stream; the next one finds it.
  if (exchange.isClosed) return;
  const untold = new Set(stops.filter((runId) => !told.has(runId)));
  for (const runId of untold) told.add(runId);
  if (untold.size > 0) {
    await stream.send(framed({ $case: 'cancelRuns', value: { jobRunIdsToCancel: [...untold] } }));
  }
  const offers = inbox.takeOffers(exchange.mayOffer, deps.clock.elapsed());
  exchange.mayOffer -= offers.length;
  if (offers.length === 0) return;
  const specs = await deps.store.read.encodedSpecs(offers.map(({ job }) => job.jobId));
  let leases: Uint8Array[] = [];
  let size = 0;
  for (const offer of offers) {
    const spec = specs.get(offer.job.jobId);
    if (!spec) {
      deps.logger.error({ job: offer.job.jobId }, 'a leased job has no spec');
      continue;
    }
    const traceparent = deps.spans && spanOfLease(deps.spans, offer, spec, deps.clock.now());
    const lease = encodeLease(offer, spec, traceparent);
    if (size + lease.length > PIECE_BYTES && leases.length > 0) {
      await stream.send(frame(leases).bytes);
      leases = [];
      size = 0;
    }
    leases.push(lease);
    size += lease.length;
  }
  if (leases.length > 0) await stream.send(frame(leases).bytes);
}

function framed(event: NonNullable<LeaseStreamMessage['event']>): Buffer {
  return frame([LeaseStreamMessage.encode({ event }).finish()]).bytes;
}

/** Runs that the request shows, on a node or not yet; and those of them that have not ended there. */
function shownRuns(request: LeaseRequest): { shown: Set<string>; held: Set<string> } {
  const shown = new Set(request.unassignedJobRunIds);
  const held = new Set(request.unassignedJobRunIds);
  for (const { runIdsByState } of request.nodes) {
    for (const [runId, state] of runIdsByState) {
      shown.add(runId);
      if (state !== JobState.SUCCEEDED && state !== JobState.FAILED) held.add(runId);
    }
  }
  return { shown, held };
}

/** Of the held runs that the inbox does not know, those whose records say that they must not go on. */
async function strayStops(exchange: Exchange, held: ReadonlySet<string>): Promise<string[]> {
  const { deps, inbox, told, orphans } = exchange;
  const nowMs = deps.clock.elapsed();
  const isLookUpDue = nowMs - exchange.lookedUpMs >= LOOK_UP_AGAIN_MS;
  if (isLookUpDue) exchange.lookedUpMs = nowMs;
  for (const set of [told, orphans]) {
    for (const runId of set) if (isLookUpDue || !held.has(runId)) set.delete(runId);
  }
  const strays = [...held].filter(
    (runId) => !inbox.runs.has(runId) && !told.has(runId) && !orphans.has(runId),
  );
  const jobs = strays.length > 0 ? await deps.store.read.jobsOfRuns(strays) : new Map<string, StoredJob>();
  for (const runId of strays) if (!jobs.has(runId)) orphans.add(runId);
  if (orphans.size > inbox.orphans) {
    const fields = { executor: inbox.executorId, count: orphans.size, first: [...orphans][0] };
    deps.logger.warn(fields, 'an executor holds runs that no record knows; they are left alone');
  }
  inbox.orphans = orphans.size;
  return strays.filter((runId) => {
    const record = jobs.get(runId)?.record;
    return record !== undefined && isStopReason(record, runId);
  });
}
