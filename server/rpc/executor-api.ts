import type { LeaseRequest, LeaseStreamMessage } from '@armada-ts/api/executorapi/executorapi';
import { type EventList, ExecutorApiService } from '@armada-ts/api/executorapi/executorapi';
import type { Metadata, UntypedServiceImplementation } from '@grpc/grpc-js';
import { type ReportDeps, reportEvents } from '../lease/reports.ts';
import { type LeaseDeps, serveLeases } from '../lease/stream.ts';
import { bidiStream, type Door, unary } from './call.ts';

export const executorApiDefinition = ExecutorApiService;

/** executorapi.ExecutorApi, for Go executors and ours alike. */
export function executorApiService(door: Door, deps: LeaseDeps & ReportDeps): UntypedServiceImplementation {
  return {
    leaseJobRuns: bidiStream<LeaseRequest, LeaseStreamMessage>(
      door,
      'execute_jobs',
      (requests, send, { principal, metadata }) =>
        serveLeases(deps, principal, {
          requests,
          send,
          push: mark(metadata, 'armada-lease') === 'push',
          session: mark(metadata, 'armada-session'),
        }),
    ),
    reportEvents: unary(door, 'execute_jobs', async (request: EventList, { principal }) => {
      await reportEvents(deps, principal, request.events);
      return {};
    }),
  };
}

/** A private mark of our executors; empty when there is none. */
function mark(metadata: Metadata, name: string): string {
  return String(metadata.get(name)[0] ?? '').slice(0, 128);
}
