/**
 * What is counted of calls, as plain numbers: counting is on the way of every
 * call, and naming the numbers can wait until somebody asks for them.
 */
import type { status } from '@grpc/grpc-js';
import { addDuration, type Durations, noDurations } from '../base/durations.ts';
import type { Incoming } from '../door/call.ts';
import type { Method } from '../door/method.ts';
import type { RefusalAtPort } from '../door/observer.ts';

/** Upper bounds of the buckets of how long calls took, in seconds, as Armada has them. */
export const CALL_SECONDS = [
  0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40, 60, 120,
] as const;

const CODES = 17;

/** Of one method on one protocol. */
export interface MethodFigures {
  readonly protocol: string;
  readonly service: string;
  readonly method: string;
  readonly kind: Method['kind'];
  started: number;
  received: number;
  sent: number;
  /** Calls that are over, by gRPC code. */
  readonly handled: Float64Array;
  /** The same by how long they took, in seconds. */
  readonly took: Durations;
}

export interface CallFigures {
  of(incoming: Pick<Incoming, 'protocol' | 'path'>, kind: Method['kind']): MethodFigures;
  all(): Iterable<MethodFigures>;
  /** Requests that became no call. */
  readonly refused: Record<RefusalAtPort, number>;
}

/** Methods are those that are served, so there are only so many. */
export function createCallFigures(): CallFigures {
  const byProtocol = new Map<string, Map<string, MethodFigures>>();
  return {
    refused: { host: 0, origin: 0, path: 0, verb: 0, body: 0 },
    of({ protocol, path }, kind) {
      let byPath = byProtocol.get(protocol);
      if (byPath === undefined) byProtocol.set(protocol, (byPath = new Map()));
      let figures = byPath.get(path);
      if (figures === undefined) byPath.set(path, (figures = noFigures(protocol, path, kind)));
      return figures;
    },
    *all() {
      for (const byPath of byProtocol.values()) yield* byPath.values();
    },
  };
}

/** Notes the end of a call. */
export function countEnd(figures: MethodFigures, code: status, seconds: number): void {
  figures.handled[code] = (figures.handled[code] ?? 0) + 1;
  addDuration(figures.took, CALL_SECONDS, seconds);
}

function noFigures(protocol: string, path: string, kind: Method['kind']): MethodFigures {
  const [method = '', service = 'page'] = path.slice(1).split('/').toReversed();
  return {
    protocol,
    service,
    method,
    kind,
    started: 0,
    received: 0,
    sent: 0,
    handled: new Float64Array(CODES),
    took: noDurations(CALL_SECONDS.length),
  };
}
