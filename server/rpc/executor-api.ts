import { type EventList, ExecutorApiService, LeaseRequest } from '@armada-ts/api/executorapi/executorapi';
import type { Metadata, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js';
import { type ReportDeps, reportEvents } from '../lease/reports.ts';
import { type LeaseDeps, type ReceivedRequest, serveLeases } from '../lease/stream.ts';
import { bidiStream, type Door, unary } from './call.ts';
import { alreadyFramed } from './framed.ts';

const { leaseJobRuns, reportEvents: reporting } = ExecutorApiService;

/** Leases are encoded and framed where they are made; what executors show is kept as it came. */
export const executorApiDefinition = {
  leaseJobRuns: { ...leaseJobRuns, requestDeserialize: receive, responseSerialize: alreadyFramed },
  reportEvents: reporting,
} satisfies ServiceDefinition;

/** executorapi.ExecutorApi, for Go executors and ours alike. */
export function executorApiService(door: Door, deps: LeaseDeps & ReportDeps): UntypedServiceImplementation {
  return {
    leaseJobRuns: bidiStream<ReceivedRequest, Buffer>(
      door,
      'execute_jobs',
      (requests, send, { principal, metadata }) =>
        serveLeases(deps, principal, {
          requests,
          send,
          push: mark(metadata, 'armada-lease') === 'push',
          session: mark(metadata, 'armada-session'),
          number: streamNumber(mark(metadata, 'armada-stream')),
        }),
    ),
    reportEvents: unary(door, 'execute_jobs', async (request: EventList, { principal }) => {
      await reportEvents(deps, principal, request.events);
      return {};
    }),
  };
}

function receive(bytes: Buffer): ReceivedRequest {
  return { request: LeaseRequest.decode(bytes), bytes };
}

/** A private mark of our executors; empty when there is none. */
function mark(metadata: Metadata, name: string): string {
  return String(metadata.get(name)[0] ?? '').slice(0, 128);
}

/** 0 when there is none. */
function streamNumber(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
