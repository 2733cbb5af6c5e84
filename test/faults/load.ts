// Asks servers for work as a careful client does that is told little: what has
// no answer is asked again under the same client ids, of whichever server is
// next, until it has one.
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, QueueServiceClient } from '@armada-ts/api/api/queue';
import {
  type CancellationResult,
  JobSubmitRequestItem,
  type JobReprioritizeResponse,
  type JobSubmitResponse,
  type PreemptionResult,
  SubmitClient,
} from '@armada-ts/api/api/submit';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Expectation, Recorder } from './history.ts';

/** A channel that tries often to come back, as nothing here stays away for long, and notices a silent server. */
export const CHANNEL_OPTIONS = {
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 300,
  'grpc.enable_retries': 0,
  'grpc.keepalive_time_ms': 2_000,
  'grpc.keepalive_timeout_ms': 2_000,
};

/** Codes after which it is not known whether anything happened, or certain that nothing did for now. */
const UNKNOWN = new Set<status>([
  status.UNAVAILABLE,
  status.DEADLINE_EXCEEDED,
  status.CANCELLED,
  status.RESOURCE_EXHAUSTED,
  status.ABORTED,
]);

/** Answers take far less; a server that was killed is not waited for. */
const CALL_MS = 5_000;
const RETRY_MS = 100;

export interface Target {
  /** `host:port` of the gRPC API; several servers are divided by commas. */
  address: string;
  queue: string;
  recorder: Recorder;
  /** Ends what waits for an answer. */
  signal: AbortSignal;
}

/** A job to be submitted. */
export interface Draft {
  clientId: string;
  /** Run by `sh`. */
  script: string;
  expect: Expectation;
  /** The default one when there is none. */
  priorityClassName?: string;
}

export interface Load {
  createQueue(): Promise<void>;
  /** Submits until it is answered; the ids of the jobs in the order of the drafts. */
  submit(jobSet: string, drafts: readonly Draft[]): Promise<string[]>;
  cancel(jobSet: string, jobIds: readonly string[]): Promise<void>;
  reprioritize(jobSet: string, jobIds: readonly string[], priority: number): Promise<void>;
  /** Asks that those of them that run give way; others are refused, and that is right. */
  preempt(jobSet: string, jobIds: readonly string[]): Promise<void>;
  close(): void;
}

interface Clients {
  queues: QueueServiceClient;
  jobs: SubmitClient;
}

type Send<Response> = (
  server: Clients,
  metadata: Metadata,
  options: { deadline: number },
  done: (error: ServiceError | null, response: Response) => void,
) => unknown;

/** Addresses as they are given together: divided by commas. */
export function addressesOf(address: string): string[] {
  return address.split(',');
}

/** Connects to servers, which are asked in turn; nothing is sent before the first call. */
export function createLoad({ address, queue, recorder, signal }: Target): Load {
  const servers = addressesOf(address).map((one) => ({
    queues: new QueueServiceClient(one, credentials.createInsecure(), CHANNEL_OPTIONS),
    jobs: new SubmitClient(one, credentials.createInsecure(), CHANNEL_OPTIONS),
  }));
  const untilAnswered = asker(servers, signal);
  return {
    createQueue: async () => {
      const request = Queue.fromPartial({ name: queue, priorityFactor: 1 });
      try {
        await untilAnswered<unknown>(({ queues }, ...how) => queues.createQueue(request, ...how));
      } catch (error) {
        if (codeOf(error) !== status.ALREADY_EXISTS) throw error;
      }
    },
    submit: async (jobSetId, drafts) => {
      const jobRequestItems = drafts.map(itemOf);
      const note = { kind: 'submit', queue, jobSet: jobSetId } as const;
      const noteAll = (outcome: 'unknown' | 'refused', reason: string): void => {
        for (const { clientId, expect } of drafts) {
          recorder.record({ ...note, clientId, expect, outcome, reason, timeMs: Date.now() });
        }
      };
      const response = await untilAnswered<JobSubmitResponse>(
        ({ jobs }, ...how) => jobs.submitJobs({ queue, jobSetId, jobRequestItems }, ...how),
        noteAll,
      );
      const timeMs = Date.now();
      return drafts.map(({ clientId, expect }, index) => {
        const { jobId = '', error = 'no answer' } = response.jobResponseItems[index] ?? {};
        const outcome = error === '' ? 'acknowledged' : 'refused';
        recorder.record({ ...note, clientId, expect, outcome, jobId, reason: error, timeMs });
        return jobId;
      });
    },
    cancel: async (jobSetId, jobIds) => {
      const request = { jobId: '', jobSetId, queue, jobIds: [...jobIds], reason: 'test' };
      const { cancelledIds } = await untilAnswered<CancellationResult>(({ jobs }, ...how) =>
        jobs.cancelJobs(request, ...how),
      );
      // A job that has ended is not answered, and that is right.
      for (const jobId of cancelledIds) recorder.record({ kind: 'cancel', jobId, outcome: 'acknowledged' });
    },
    reprioritize: async (jobSetId, jobIds, newPriority) => {
      const request = { jobIds: [...jobIds], jobSetId, queue, newPriority };
      const { reprioritizationResults } = await untilAnswered<JobReprioritizeResponse>(({ jobs }, ...how) =>
        jobs.reprioritizeJobs(request, ...how),
      );
      for (const [jobId, reason] of reprioritizationResults) {
        if (reason === '') recorder.record({ kind: 'reprioritize', jobId, outcome: 'acknowledged' });
      }
    },
    preempt: async (jobSetId, jobIds) => {
      const request = { queue, jobSetId, jobIds: [...jobIds], reason: 'test' };
      const { preemptionResults } = await untilAnswered<PreemptionResult>(({ jobs }, ...how) =>
        jobs.preemptJobs(request, ...how),
      );
      for (const [jobId, reason] of preemptionResults) {
        if (reason === '') recorder.record({ kind: 'preempt', jobId, outcome: 'acknowledged' });
      }
    },
    close: () => {
      for (const { queues, jobs } of servers) {
        queues.close();
        jobs.close();
      }
    },
  };
}

/** Sends until there is an answer. Rejects with what refuses the request for good. */
type UntilAnswered = <Response>(
  send: Send<Response>,
  note?: (outcome: 'unknown' | 'refused', reason: string) => void,
) => Promise<Response>;

function asker(servers: readonly Clients[], signal: AbortSignal): UntilAnswered {
  let turn = 0;
  return async <Response>(
    send: Send<Response>,
    note: (outcome: 'unknown' | 'refused', reason: string) => void = () => {},
  ): Promise<Response> => {
    for (;;) {
      const server = servers[turn++ % servers.length]!;
      try {
        return await new Promise<Response>((resolve, reject) => {
          send(server, new Metadata(), { deadline: Date.now() + CALL_MS }, (error, response) =>
            error ? reject(error) : resolve(response),
          );
        });
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        const isUnknown = UNKNOWN.has(codeOf(error) ?? status.OK);
        note(isUnknown ? 'unknown' : 'refused', text);
        if (!isUnknown) throw error;
        await sleep(RETRY_MS, undefined, { signal });
      }
    }
  };
}

/** The gRPC code of what a call was rejected with. */
export function codeOf(error: unknown): status | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' ? error.code : undefined;
}

/** The job as it is sent. */
export function itemOf({ clientId, script, priorityClassName = '' }: Draft): JobSubmitRequestItem {
  const requests = new Map([
    ['cpu', { string: '100m' }],
    ['memory', { string: '8Mi' }],
    ['ephemeral-storage', { string: '1Mi' }],
  ]);
  const runId = { name: 'RUN_ID', valueFrom: { fieldRef: { fieldPath: 'metadata.uid' } } };
  const podSpec = PodSpec.fromPartial({
    terminationGracePeriodSeconds: 1n,
    priorityClassName,
    containers: [
      {
        name: 'main',
        image: 'none',
        command: ['/bin/sh', '-c', script],
        env: [runId],
        resources: { requests, limits: requests },
      },
    ],
  });
  return JobSubmitRequestItem.fromPartial({ namespace: 'default', clientId, podSpecs: [podSpec] });
}
