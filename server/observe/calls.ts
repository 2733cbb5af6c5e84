/** Every call, counted, logged where that is wanted, and traced where that is configured. */
import { status } from '@grpc/grpc-js';
import type { Principal } from '../auth/principal.ts';
import type { Clock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Incoming } from '../door/call.ts';
import { type CallObserver, endOf } from '../door/observer.ts';
import { type CallFigures, countEnd } from './call-figures.ts';
import type { OpenStreams } from './open-streams.ts';
import type { CallTracer } from './call-spans.ts';

export interface CallObserverDeps {
  figures: CallFigures;
  openStreams: OpenStreams;
  clock: Clock;
  logger: Logger;
  /** Undefined while nothing is traced. */
  tracer: CallTracer | undefined;
}

/** Makes what a door tells of its calls. */
export function createCallObserver(deps: CallObserverDeps): CallObserver {
  const { figures, openStreams, clock, tracer } = deps;
  return {
    refused(why) {
      figures.refused[why]++;
    },
    began(incoming, kind) {
      const counted = figures.of(incoming, kind);
      counted.started++;
      const beganMs = clock.elapsed();
      const span = tracer?.begin(incoming);
      let principal: Principal | undefined;
      return {
        messages: counted,
        traceparent: span?.traceparent,
        named() {},
        entered(known) {
          principal = known;
          if (kind !== 'unary') openStreams.opened(incoming.path, known.name);
        },
        over(error) {
          const tookMs = clock.elapsed() - beganMs;
          const code = endOf(error);
          countEnd(counted, code, tookMs / 1000);
          if (kind !== 'unary' && principal) openStreams.closed(incoming.path, principal.name);
          span?.end({ code, principal, tookMs });
          // A door that nobody listens to does not even name the call.
          if (code === status.INTERNAL || deps.logger.isLevelEnabled('debug')) {
            logCall(deps.logger, incoming, { principal, code, tookMs, error });
          }
        },
      };
    },
  };
}

interface End {
  principal: Principal | undefined;
  code: status;
  tookMs: number;
  error: unknown;
}

/** One line for a call. What the fault was stands in the line of the fault, which has the same request id. */
function logCall(
  logger: Logger,
  { protocol, path, peer, requestId }: Incoming,
  { principal, code, tookMs, error }: End,
): void {
  const fields = {
    requestId,
    protocol,
    method: path,
    peer,
    principal: principal?.name,
    code: status[code],
    ms: Math.round(tookMs * 1000) / 1000,
    ...(error instanceof ArmadaError && { reason: error.code, refusal: error.message }),
  };
  if (code === status.INTERNAL) logger.warn(fields, 'call');
  else logger.debug(fields, 'call');
}
