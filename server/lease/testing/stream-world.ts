/** A lease stream's surroundings: records, inboxes and a client, without a wire. */
import { LeaseRequest, LeaseStreamMessage } from '@armada-ts/api/executorapi/executorapi';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import type { StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { Hold } from '@armada-ts/api/armada/server/v1/peers';
import { after, stored, submitted } from '../../model/testing/jobs.ts';
import { cancel, lease } from '../../model/testing/job-events.ts';
import { createAuthorizer } from '../../auth/authorizer.ts';
import { standaloneAuth } from '../../auth/config.ts';
import type { Principal } from '../../auth/principal.ts';
import { silentLogger } from '../../base/logger.ts';
import { messagesIn } from '../../base/testing/framing.ts';
import type { Store } from '../../store/store.ts';
import { createHolders, type OtherServers } from '../holders.ts';
import { createInboxes } from '../inboxes.ts';
import { type LeaseDeps, type LeaseStream, type ReceivedRequest, serveLeases } from '../stream.ts';

/** No other servers. */
export const alone: OtherServers = {
  askWhoHolds: async () => ({ hold: Hold.HOLD_FREE, isWhole: true }),
  subscribe: () => {},
};

const executor: Principal = { name: 'executor', groups: [], scopes: [], scheme: 'test' };

export interface World {
  deps: LeaseDeps;
  /** Records by job id, as the store and the inboxes know them. */
  jobs: Map<string, StoredJob>;
  put(job: StoredJob): void;
  seen: LeaseRequest[];
  /** Streams that show nothing any more. */
  left: number;
  nowMs: number;
}

export function setUp(): World {
  const jobs = new Map<string, StoredJob>();
  const inboxes = createInboxes();
  const read = {
    encodedSpecs: async (ids: string[]) =>
      new Map(
        ids
          .filter((id) => jobs.has(id))
          .map((id) => [id, SubmitJob.encode(SubmitJob.create({ jobId: id })).finish()]),
      ),
    jobsOfRuns: async (runIds: string[]) =>
      new Map(
        [...jobs.values()].flatMap((job) =>
          (job.record?.runs ?? [])
            .filter(({ runId }) => runIds.includes(runId))
            .map(({ runId }) => [runId, job]),
        ),
      ),
  };
  const world: World = {
    jobs,
    seen: [],
    left: 0,
    nowMs: 0,
    put(job) {
      jobs.set(job.record?.jobId ?? '', job);
      inboxes.apply([job]);
    },
    deps: {
      store: { read } as unknown as Store,
      authorizer: createAuthorizer({ permissionScopeMapping: {}, ...standaloneAuth }),
      inboxes,
      holders: createHolders(alone),
      sightings: {
        open: () => ({
          see: (bytes) => world.seen.push(LeaseRequest.decode(bytes)),
          close: () => world.left++,
        }),
      },
      clock: { now: () => 0, elapsed: () => world.nowMs },
      logger: silentLogger,
    },
  };
  return world;
}

/** A client of one stream: what it gets is told in few words. */
interface Client {
  got: string[];
  ask(request?: Partial<LeaseRequest>): void;
  close(): void;
  done: Promise<void>;
  /** Holds back the next messages until called. */
  hold(): () => void;
}

export function open({ deps }: World, options: Partial<LeaseStream> = {}): Client {
  const got: string[] = [];
  const queue: (LeaseRequest | undefined)[] = [];
  let wake = (): void => {};
  let gate = Promise.resolve();
  const tell = (request: LeaseRequest | undefined): void => {
    queue.push(request);
    wake();
  };
  async function* requests(): AsyncGenerator<ReceivedRequest> {
    for (;;) {
      while (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const request = queue.shift();
      if (!request) return;
      yield { request, bytes: LeaseRequest.encode(request).finish() };
    }
  }
  const send = async (framed: Buffer): Promise<void> => {
    got.push(...messagesIn(framed, LeaseStreamMessage).map(wordsOf));
    await gate;
  };
  const stream = { requests: requests(), send, push: false, session: '', number: 0, ...options };
  return {
    got,
    ask: (request = {}) =>
      tell({ ...LeaseRequest.create(), executorId: 'cluster', maxJobsToLease: 100, ...request }),
    close: () => tell(undefined),
    done: serveLeases(deps, executor, stream),
    hold() {
      let release = (): void => {};
      gate = new Promise((resolve) => (release = resolve));
      return release;
    },
  };
}

function wordsOf({ event }: LeaseStreamMessage): string {
  if (event?.$case === 'lease') return `lease ${event.value.jobRunId}`;
  if (event?.$case === 'cancelRuns') return `cancel ${event.value.jobRunIdsToCancel.join(' ')}`;
  return event?.$case ?? '';
}

export const leased = (n: number, version = 1): StoredJob =>
  stored(after(submitted({ n }), lease(`r${n}`)), version);
export const withCancel = (job: StoredJob): StoredJob =>
  stored(after(job.record!, cancel()), job.version + 1);
export const settled = (): Promise<void> =>
  new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
