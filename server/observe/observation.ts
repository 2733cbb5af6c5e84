/** Everything by which this server can be watched, made before what there is to watch. */
import type { Spans } from '@armada-ts/api/trace/spans';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { CallObserver } from '../door/observer.ts';
import { createCallFigures } from './call-figures.ts';
import { callMetrics } from './call-metrics.ts';
import { createCallTracer } from './call-spans.ts';
import { createCallObserver } from './calls.ts';
import type { TracingConfig } from './config.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { createOpenStreams } from './open-streams.ts';
import { openTracing } from './tracing.ts';

export interface Observation extends AsyncDisposable {
  /** For the doors. */
  readonly observer: CallObserver;
  /** To which parts add what they have to tell. */
  readonly metrics: Metrics;
  /** Undefined while nothing is traced. */
  readonly spans: Spans | undefined;
}

export interface ObservationDeps {
  clock: Clock;
  logger: Logger;
  server: { name: string; version: string };
}

export function createObservation(
  { tracing }: { tracing: TracingConfig },
  { clock, logger, server }: ObservationDeps,
): Observation {
  const figures = createCallFigures();
  const openStreams = createOpenStreams();
  const metrics = createMetrics(logger);
  metrics.add(callMetrics(figures, openStreams));
  const spans = openTracing(tracing, { ...server, logger });
  const tracer = spans && createCallTracer(spans, clock);
  return {
    observer: createCallObserver({
      figures,
      openStreams,
      clock,
      logger: logger.child({ part: 'rpc' }),
      tracer,
    }),
    metrics,
    spans,
    [Symbol.asyncDispose]: async () => await spans?.close(),
  };
}
