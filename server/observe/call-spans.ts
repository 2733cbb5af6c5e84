import type { Spans } from '@armada-ts/api/trace/spans';
import { TRACEPARENT_HEADER } from '@armada-ts/api/trace/traceparent';
import { status } from '@grpc/grpc-js';
import type { Principal } from '../auth/principal.ts';
import type { Clock } from '../base/clock.ts';
import type { Incoming } from '../door/call.ts';

/** A call that is traced. */
export interface CallSpan {
  readonly traceparent: string | undefined;
  end(end: { code: status; principal: Principal | undefined; tookMs: number }): void;
}

export interface CallTracer {
  /** Undefined for a call that is not traced. */
  begin(incoming: Incoming): CallSpan | undefined;
}

/** What programs ask all the time by themselves: traced only when it is part of a trace. */
const BY_PROGRAMS = /^\/(?:executorapi\.|armada\.(?:executor|server)\.|grpc\.)|\/(?:Health|metrics|health)$/;

/** Codes for which the server is at fault, not the caller. */
const FAILURES: ReadonlySet<status> = new Set([
  status.UNKNOWN,
  status.DEADLINE_EXCEEDED,
  status.UNIMPLEMENTED,
  status.INTERNAL,
  status.UNAVAILABLE,
  status.DATA_LOSS,
]);

export function createCallTracer(spans: Spans, clock: Clock): CallTracer {
  return {
    begin(incoming) {
      const [parent] = incoming.headers(TRACEPARENT_HEADER);
      const { path, protocol, peer } = incoming;
      if (parent === undefined && BY_PROGRAMS.test(path)) return undefined;
      const name = path.slice(1);
      const attributes = { 'rpc.system.name': protocol, 'rpc.method': name, 'client.address': peer };
      const startMs = clock.now();
      const span = spans.begin({ name, kind: 'server', parent, startMs, attributes });
      return {
        traceparent: span.traceparent,
        end({ code, principal, tookMs }) {
          span.end({
            endMs: startMs + tookMs,
            attributes: {
              'rpc.response.status_code': status[code],
              'armada.request_id': incoming.requestId,
              ...(principal && { 'enduser.id': principal.name }),
            },
            ...(FAILURES.has(code) && { failure: status[code] }),
          });
        },
      };
    },
  };
}
