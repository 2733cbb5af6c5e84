/** Calls as Prometheus is told of them, under the names that Go's gRPC servers gave them. */
import { status } from '@grpc/grpc-js';
import { CALL_SECONDS, type CallFigures, type MethodFigures } from './call-figures.ts';
import { type Family, histogramSamples, type Sample, type Source } from './metrics.ts';
import type { OpenStreams } from './open-streams.ts';

const KINDS = { unary: 'unary', serverStream: 'server_stream', bidiStream: 'bidi_stream' } as const;

/** Names of the codes as Go writes them. */
const CODES: Readonly<Record<number, string>> = {
  [status.OK]: 'OK',
  [status.CANCELLED]: 'Canceled',
  [status.UNKNOWN]: 'Unknown',
  [status.INVALID_ARGUMENT]: 'InvalidArgument',
  [status.DEADLINE_EXCEEDED]: 'DeadlineExceeded',
  [status.NOT_FOUND]: 'NotFound',
  [status.ALREADY_EXISTS]: 'AlreadyExists',
  [status.PERMISSION_DENIED]: 'PermissionDenied',
  [status.RESOURCE_EXHAUSTED]: 'ResourceExhausted',
  [status.FAILED_PRECONDITION]: 'FailedPrecondition',
  [status.ABORTED]: 'Aborted',
  [status.OUT_OF_RANGE]: 'OutOfRange',
  [status.UNIMPLEMENTED]: 'Unimplemented',
  [status.INTERNAL]: 'Internal',
  [status.UNAVAILABLE]: 'Unavailable',
  [status.DATA_LOSS]: 'DataLoss',
  [status.UNAUTHENTICATED]: 'Unauthenticated',
};

/** Paths of the methods that are subscriptions to events. */
const SUBSCRIPTIONS = ['/api.Event/GetJobSetEvents', '/api.Event/Watch'];

export function callMetrics(figures: CallFigures, openStreams: OpenStreams): Source {
  return () => {
    const methods = [...figures.all()];
    const counter = (name: string, help: string, of: (one: MethodFigures) => number): Family => ({
      name,
      help,
      type: 'counter',
      samples: methods.map((one) => ({ labels: labelsOf(one), value: of(one) })),
    });
    return [
      counter('grpc_server_started_total', 'Calls that have begun.', ({ started }) => started),
      counter('grpc_server_msg_received_total', 'Messages received.', ({ received }) => received),
      counter('grpc_server_msg_sent_total', 'Messages sent.', ({ sent }) => sent),
      {
        name: 'grpc_server_handled_total',
        help: 'Calls that are over, by what became of them.',
        type: 'counter',
        samples: methods.flatMap(handledOf),
      },
      {
        name: 'grpc_server_handling_seconds',
        help: 'How long calls took until they were over.',
        type: 'histogram',
        samples: methods.flatMap((one) => histogramSamples(labelsOf(one), CALL_SECONDS, one.took)),
      },
      {
        name: 'armada_server_requests_refused_total',
        help: 'Requests that became no call: for the host or the page that they named, or nothing that could be read.',
        type: 'counter',
        samples: Object.entries(figures.refused).map(([reason, value]) => ({ labels: { reason }, value })),
      },
      subscriptions(openStreams),
    ];
  };
}

function labelsOf({ protocol, service, method, kind }: MethodFigures): Sample['labels'] {
  return { protocol, grpc_type: KINDS[kind], grpc_service: service, grpc_method: method };
}

/** Only of codes that there were: most never are. */
function handledOf(one: MethodFigures): Sample[] {
  return [...one.handled].flatMap((value, code) =>
    value === 0 ? [] : [{ labels: { ...labelsOf(one), grpc_code: CODES[code] ?? String(code) }, value }],
  );
}

function subscriptions(openStreams: OpenStreams): Family {
  const byUser = new Map<string, number>();
  for (const path of SUBSCRIPTIONS) {
    for (const [user, open] of openStreams.of(path)) byUser.set(user, (byUser.get(user) ?? 0) + open);
  }
  return {
    name: 'armada_event_api_active_subscriptions',
    help: 'Open subscriptions to events.',
    type: 'gauge',
    samples: [...byUser].map(([user, value]) => ({ labels: { user }, value })),
  };
}
