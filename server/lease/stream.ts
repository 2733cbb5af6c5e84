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
 * client takes, however many there are.
 */
import type { LeaseRequest, LeaseStreamMessage } from '@armada-ts/api/executorapi/executorapi';
import type { Authorizer } from '../auth/authorizer.ts';
import type { Principal } from '../auth/principal.ts';
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { isPrintable } from '../model/names.ts';
import type { Store } from '../store/store.ts';
import type { Holders } from './holders.ts';
import type { Inbox, Inboxes } from './inboxes.ts';
import { isStopReason } from './inboxes.ts';
import { leaseMessage } from './lease-message.ts';

export interface LeaseDeps {
  store: Store;
  authorizer: Authorizer;
  inboxes: Inboxes;
  holders: Holders;
  /** Told of every request: the scheduler's view of the executor. */
  executorSeen: (request: LeaseRequest) => void;
  clock: Clock;
  logger: Logger;
}

/** One open stream. */
export interface LeaseStream {
  requests: AsyncIterable<LeaseRequest>;
  /** Resolves when the client can take more. */
  send: (message: LeaseStreamMessage) => Promise<void>;
  /** Keep it open after the first answer and push. */
  push: boolean;
  /** Tells one process that holds an executor id from another; empty from Go executors. */
  session: string;
}

/** Most leases sent at once when the executor names no limit of its own that is smaller. */
const MAX_OFFERS = 1000;

/** Serves a stream until it ends. Throws PERMISSION_DENIED, INVALID_REQUEST, EXECUTOR_TAKEN. */
export async function serveLeases(deps: LeaseDeps, principal: Principal, stream: LeaseStream): Promise<void> {
  deps.authorizer.demand(principal, 'execute_jobs');
  let exchange: Exchange | undefined;
  try {
    for await (const request of stream.requests) {
      checkRequest(request, exchange?.inbox.executorId);
      exchange ??= openExchange(deps, stream, request);
      await exchange.answer(request);
      if (!stream.push) return;
    }
  } finally {
    exchange?.close();
  }
}

function checkRequest(request: LeaseRequest, known: string | undefined): void {
  const { executorId } = request;
  let message: string | undefined;
  if (executorId === '') message = 'must name the executor';
  else if (executorId.length > 253 || !isPrintable(executorId))
    message = 'must be at most 253 printable characters';
  else if (known !== undefined && known !== executorId) {
    message = `must stay "${known}" on one stream, got "${executorId}"`;
  }
  if (message === undefined) return;
  throw new ArmadaError('INVALID_REQUEST', `executor_id ${message}`, {
    faults: [{ field: 'executor_id', message }],
  });
}

interface Exchange {
  inbox: Inbox;
  answer(request: LeaseRequest): Promise<void>;
  close(): void;
}

function openExchange(deps: LeaseDeps, stream: LeaseStream, first: LeaseRequest): Exchange {
  const release = deps.holders.hold(first.executorId, stream.session);
  const inbox = deps.inboxes.inbox(first.executorId);
  if (stream.push) inbox.forgetOffers();
  let shown: ReadonlySet<string> = new Set();
  let mayOffer = 0;
  // Answers and pushes share the stream, one after the other.
  let turn: Promise<void> = Promise.resolve();
  let pushWaiting = false;
  let isClosed = false;

  const sendNews = async (stops: string[]): Promise<void> => {
    if (stops.length > 0) await stream.send(stopMessage(stops));
    const offers = inbox.takeOffers(shown, mayOffer, deps.clock.elapsed());
    mayOffer -= offers.length;
    if (offers.length === 0) return;
    const specs = await deps.store.read.specs(offers.map(({ job }) => job.jobId));
    for (const offer of offers) {
      const spec = specs.get(offer.job.jobId);
      if (!spec) {
        deps.logger.error({ job: offer.job.jobId }, 'a leased job has no spec');
        continue;
      }
      await stream.send({ event: { $case: 'lease', value: leaseMessage(offer, spec) } });
    }
  };

  const push = (): void => {
    if (pushWaiting || isClosed) return;
    pushWaiting = true;
    turn = turn.then(async () => {
      pushWaiting = false;
      if (!isClosed) await sendNews(inbox.takeStops());
    });
    // A stream that broke ends its own loop; the next one is told everything again.
    turn.catch((error: unknown) => deps.logger.debug({ err: error }, 'push on a lease stream failed'));
  };
  const unsubscribe = stream.push ? inbox.subscribe(push) : () => {};

  return {
    inbox,
    async answer(request) {
      const answered = turn.then(async () => {
        shown = shownRuns(request);
        mayOffer = Math.min(request.maxJobsToLease, MAX_OFFERS);
        deps.executorSeen(request);
        inbox.show(shown);
        const stops = new Set([...inbox.takeStops(), ...(await strayStops(deps, inbox, shown))]);
        await sendNews([...stops]);
        await stream.send({ event: { $case: 'end', value: {} } });
      });
      turn = answered.catch(() => {});
      await answered;
    },
    close() {
      isClosed = true;
      unsubscribe();
      release();
    },
  };
}

/** Runs the request says its executor holds, on a node or not yet. */
function shownRuns(request: LeaseRequest): Set<string> {
  const shown = new Set(request.unassignedJobRunIds);
  for (const node of request.nodes) for (const runId of node.runIdsByState.keys()) shown.add(runId);
  return shown;
}

/** Of the shown runs that the inbox does not know, those whose records say that they must not go on. */
async function strayStops(deps: LeaseDeps, inbox: Inbox, shown: ReadonlySet<string>): Promise<string[]> {
  const strays = [...shown].filter((runId) => !inbox.runs.has(runId));
  if (strays.length === 0) return [];
  const jobs = await deps.store.read.jobsOfRuns(strays);
  const orphans = strays.filter((runId) => !jobs.has(runId));
  if (orphans.length > 0) {
    const fields = { executor: inbox.executorId, count: orphans.length, first: orphans[0] };
    deps.logger.warn(fields, 'an executor holds runs that no record knows; they are left alone');
  }
  return strays.filter((runId) => {
    const record = jobs.get(runId)?.record;
    return record !== undefined && isStopReason(record, runId);
  });
}

function stopMessage(runIds: string[]): LeaseStreamMessage {
  return { event: { $case: 'cancelRuns', value: { jobRunIdsToCancel: runIds } } };
}
