// A cluster whose executor asks as Armada's own does: every now and then a
// stream of its own with one request, read to its end. What it does with what
// it hears is the test's to say, so that it can also do what no executor should.
import { setTimeout as sleep } from 'node:timers/promises';
import { JobState } from '@armada-ts/api/api/job';
import { EventSequence, EventSequence_Event } from '@armada-ts/api/armadaevents/armadaevents';
import {
  ExecutorApiClient,
  type JobRunLease,
  LeaseRequest,
  type LeaseStreamMessage,
  NodeInfo,
} from '@armada-ts/api/executorapi/executorapi';
import { credentials, status, type StatusObject } from '@grpc/grpc-js';

/** A node that is offered. */
export interface ClusterNode {
  name: string;
  cpu: string;
  labels?: Readonly<Record<string, string>>;
  taints?: { key: string; value: string; effect: string }[];
}

/** One request and what came of it. */
export interface Exchange {
  askedAtMs: number;
  /** What was answered, in order: `cancel`, `lease`, `end`. */
  kinds: string[];
  leases: JobRunLease[];
  /** Runs to stop. */
  cancelled: string[];
  /** How the stream ended. */
  code: status;
}

export interface Cluster {
  readonly id: string;
  readonly exchanges: Exchange[];
  /** Leases as they came first, by job id. */
  readonly leases: Map<string, JobRunLease>;
  /** What is shown of each run: the node it is on and its state. */
  readonly shown: Map<string, { node: string; state: JobState }>;
  /** As the next requests say. */
  maxJobsToLease: number;
  /** Whether a lease is shown, as pending, from the next request on. */
  keepsLeases: boolean;
  /** Hands over events about a run; the status is what the call ended with. */
  report(lease: JobRunLease, ...what: Report[]): Promise<status>;
  /** Waits until a lease of the job has come. */
  leaseOf(jobId: string): Promise<JobRunLease>;
  /** Waits for so many exchanges that were asked for after this call. */
  nextExchanges(count: number): Promise<Exchange[]>;
  close(): Promise<void>;
}

/** What is reported of a run. */
export type Report = 'assigned' | 'running' | 'succeeded' | { returned: string; runAttempted: boolean };

const POLL_MS = 200;
const TIMEOUT_MS = 10_000;

export function startCluster(address: string, id: string, nodes: readonly ClusterNode[]): Cluster {
  // A server that was away is found soon after it is back.
  const options = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 500 };
  const client = new ExecutorApiClient(address, credentials.createInsecure(), options);
  const closing = new AbortController();
  const cluster: Cluster = {
    id,
    exchanges: [],
    leases: new Map(),
    shown: new Map(),
    maxJobsToLease: 100,
    keepsLeases: true,
    report: (lease, ...what) => report(client, id, lease, what),
    leaseOf: (jobId) => until(() => cluster.leases.get(jobId), `no lease of job ${jobId} came to ${id}`),
    nextExchanges(count) {
      const nowMs = performance.now();
      return until(() => {
        const later = cluster.exchanges.filter(({ askedAtMs }) => askedAtMs > nowMs);
        return later.length >= count ? later.slice(0, count) : undefined;
      }, `${id} did not come to ask ${count} times`);
    },
    async close() {
      closing.abort();
      await polling;
      client.close();
    },
  };
  const poll = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const exchange = await ask(client, requestOf(cluster, nodes));
      cluster.exchanges.push(exchange);
      for (const lease of exchange.leases) keep(cluster, lease);
      await sleep(POLL_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  };
  const polling = poll();
  return cluster;
}

/** The node that the scheduler chose. */
export function nodeOf(lease: JobRunLease): string {
  return (
    lease.job?.mainObject?.object?.value.podSpec?.nodeSelector.get('kubernetes.io/hostname') ?? 'no node'
  );
}

function keep(cluster: Cluster, lease: JobRunLease): void {
  const jobId = lease.job?.jobId ?? '';
  if (cluster.leases.get(jobId)?.jobRunId === lease.jobRunId) return;
  cluster.leases.set(jobId, lease);
  if (cluster.keepsLeases) {
    cluster.shown.set(lease.jobRunId, { node: nodeOf(lease), state: JobState.PENDING });
  }
}

async function ask(client: ExecutorApiClient, request: LeaseRequest): Promise<Exchange> {
  const stream = client.leaseJobRuns();
  const exchange: Exchange = {
    askedAtMs: performance.now(),
    kinds: [],
    leases: [],
    cancelled: [],
    code: status.UNKNOWN,
  };
  stream.on('error', () => {});
  stream.on('data', ({ event }: LeaseStreamMessage) => {
    exchange.kinds.push(event?.$case === 'cancelRuns' ? 'cancel' : (event?.$case ?? 'nothing'));
    if (event?.$case === 'lease') exchange.leases.push(event.value);
    if (event?.$case === 'cancelRuns') exchange.cancelled.push(...event.value.jobRunIdsToCancel);
  });
  // A server that dies is an exchange like any other: the next one may find it back.
  const ended = new Promise<StatusObject>((resolve) => stream.once('status', resolve));
  stream.write(request);
  stream.end();
  ({ code: exchange.code } = await ended);
  return exchange;
}

function requestOf(cluster: Cluster, nodes: readonly ClusterNode[]): LeaseRequest {
  return LeaseRequest.fromPartial({
    executorId: cluster.id,
    pool: 'default',
    maxJobsToLease: cluster.maxJobsToLease,
    nodes: nodes.map(({ name, cpu, labels = {}, taints = [] }) => {
      const resources = new Map(
        Object.entries({ cpu, memory: '8Gi', 'ephemeral-storage': '64Gi' }).map(([resource, amount]) => [
          resource,
          { string: amount },
        ]),
      );
      const runs = [...cluster.shown].filter(([, { node }]) => node === name);
      return NodeInfo.fromPartial({
        name,
        taints,
        labels: new Map(Object.entries({ ...labels, 'kubernetes.io/hostname': name })),
        allocatableResources: resources,
        availableResources: resources,
        totalResources: resources,
        runIdsByState: new Map(runs.map(([runId, { state }]) => [runId, state])),
        nodeType: 'none',
        pool: 'default',
      });
    }),
  });
}

function report(
  client: ExecutorApiClient,
  executorId: string,
  lease: JobRunLease,
  what: readonly Report[],
): Promise<status> {
  const sequence = EventSequence.fromPartial({
    queue: lease.queue,
    jobSetName: lease.jobset,
    events: what.map((one) => eventOf(executorId, lease, one)),
  });
  return new Promise((resolve) => {
    client.reportEvents({ events: [sequence] }, (error) => resolve(error?.code ?? status.OK));
  });
}

function eventOf(
  executorId: string,
  { job, jobRunId: runId }: JobRunLease,
  what: Report,
): EventSequence_Event {
  const jobId = job?.jobId ?? '';
  const podName = `armada-${jobId}-0`;
  const objectMeta = { executorId, namespace: 'default', name: podName, kubernetesId: `pod of ${runId}` };
  const podInfo = { nodeName: `node of ${runId}`, podNumber: 0 };
  const resourceInfos = [{ objectMeta, info: { $case: 'podInfo' as const, value: podInfo } }];
  const created = { seconds: BigInt(Math.floor(Date.now() / 1000)) };
  const event = (): Parameters<typeof EventSequence_Event.fromPartial>[0]['event'] => {
    if (what === 'assigned') return { $case: 'jobRunAssigned', value: { jobId, runId, resourceInfos } };
    if (what === 'running') return { $case: 'jobRunRunning', value: { jobId, runId, resourceInfos } };
    if (what === 'succeeded') return { $case: 'jobRunSucceeded', value: { jobId, runId, resourceInfos } };
    const { returned: message, runAttempted } = what;
    const reason = { $case: 'podLeaseReturned' as const, value: { objectMeta, message, runAttempted } };
    return { $case: 'jobRunErrors', value: { jobId, runId, errors: [{ terminal: true, reason }] } };
  };
  return EventSequence_Event.fromPartial({ created, event: event() });
}

async function until<T>(find: () => T | undefined, otherwise: string): Promise<T> {
  for (const end = performance.now() + TIMEOUT_MS; performance.now() < end; await sleep(10)) {
    const found = find();
    if (found !== undefined) return found;
  }
  throw new Error(`${otherwise} within ${TIMEOUT_MS / 1000} s`);
}
