import { status } from '@grpc/grpc-js';
import {
  type EventMessage,
  type EventServer,
  type EventStreamMessage,
  JobFailedEvent,
  JobPreemptedEvent,
  JobRunningEvent,
  type JobSetRequest,
  JobSucceededEvent,
} from '@armada-ts/api/api/event';
import { ErrorInfo } from '@armada-ts/api/google/rpc/error_details';
import { detail, type FakeMethods, refusal, startFakeServer } from './fake-server.ts';

type Stream = Parameters<EventServer['getJobSetEvents']>[0];
type Events = NonNullable<EventMessage['events']>;

const base = (jobId: string) => ({ jobId, jobSetId: 'set', queue: 'demo', created: undefined });
export const queued = (jobId: string): Events => ({ $case: 'queued', value: base(jobId) });
export const running = (jobId: string): Events => ({
  $case: 'running',
  value: { ...JobRunningEvent.create(), ...base(jobId), clusterId: 'east', nodeName: 'n1' },
});
export const succeeded = (jobId: string): Events => ({
  $case: 'succeeded',
  value: { ...JobSucceededEvent.create(), ...base(jobId) },
});
export const failed = (jobId: string, event: Partial<JobFailedEvent>): Events => ({
  $case: 'failed',
  value: { ...JobFailedEvent.create(), ...base(jobId), ...event },
});
export const preempted = (jobId: string): Events => ({
  $case: 'preempted',
  value: { ...JobPreemptedEvent.create(), ...base(jobId), reason: 'made room' },
});

/** A job set whose events a test adds, served as a server does: from an id on, and live. */
export async function startJobSet(methods: Omit<FakeMethods, 'events'> = {}) {
  const log: EventStreamMessage[] = [];
  const open = new Set<Stream>();
  const requests: JobSetRequest[] = [];
  let refuseFrom: string | undefined;
  const server = await startFakeServer({
    ...methods,
    events: {
      getJobSetEvents: (call) => {
        requests.push(call.request);
        const { fromMessageId } = call.request;
        if (fromMessageId !== '' && fromMessageId === refuseFrom) {
          const info = { reason: 'EVENTS_GONE', domain: 'armada', metadata: new Map() };
          call.emit(
            'error',
            refusal(status.OUT_OF_RANGE, 'gone', [detail('google.rpc.ErrorInfo', ErrorInfo, info)]),
          );
          return;
        }
        open.add(call);
        call.on('cancelled', () => open.delete(call));
        for (const message of log) if (Number(message.id) > Number(fromMessageId)) call.write(message);
      },
    },
  });
  return {
    server,
    requests,
    open,
    refuse: (messageId: string) => (refuseFrom = messageId),
    breakStreams() {
      for (const call of open) call.emit('error', refusal(status.UNAVAILABLE, 'restarting'));
      open.clear();
    },
    happens(...events: Events[]) {
      for (const happened of events) {
        const message = { id: String(log.length + 1), message: { events: happened } };
        log.push(message);
        for (const call of open) call.write(message);
      }
    },
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
