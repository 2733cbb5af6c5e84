import { readerOf } from '@armada-ts/api/encoded/reader';
import { EventList, ExecutorApiService, LeaseRequest } from '@armada-ts/api/executorapi/executorapi';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { type ReportDeps, reportEvents } from '../lease/reports.ts';
import { type LeaseDeps, type ReceivedRequest, serveLeases } from '../lease/stream.ts';
import { bidiStream, type CallContext, type Methods, unary } from '../door/method.ts';
import { alreadyFramed } from '../door/framed.ts';

const { leaseJobRuns, reportEvents: reporting } = ExecutorApiService;

/** Leases are encoded and framed where they are made; what executors show is kept as it came. */
export const executorApiDefinition = {
  leaseJobRuns: { ...leaseJobRuns, requestDeserialize: receive, responseSerialize: alreadyFramed },
  reportEvents: { ...reporting, requestDeserialize: (bytes) => EventList.decode(readerOf(bytes)) },
} satisfies ServiceDefinition;

/** executorapi.ExecutorApi, for Go executors and ours alike. */
export function executorApiService(deps: LeaseDeps & ReportDeps): Methods {
  return {
    leaseJobRuns: bidiStream<ReceivedRequest, Buffer>(
      'execute_jobs',
      (requests, send, { principal, header }) =>
        serveLeases(deps, principal, {
          requests,
          send,
          push: mark(header, 'armada-lease') === 'push',
          session: mark(header, 'armada-session'),
          number: streamNumber(mark(header, 'armada-stream')),
        }),
    ),
    reportEvents: unary('execute_jobs', async (request: EventList, { principal }) => {
      await reportEvents(deps, principal, request.events);
      return {};
    }),
  };
}

function receive(bytes: Buffer): ReceivedRequest {
  return { request: LeaseRequest.decode(bytes), bytes };
}

/** A private mark of our executors; empty when there is none. */
function mark(header: CallContext['header'], name: string): string {
  return (header(name) ?? '').slice(0, 128);
}

/** 0 when there is none. */
function streamNumber(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
