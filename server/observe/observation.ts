/** Everything by which this server can be watched, made before what there is to watch. */
import type { Spans } from '@armada-ts/api/trace/spans';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { CallObserver } from '../door/observer.ts';
import { withAudit } from './audit.ts';
import type { AuditFile } from './audit-file.ts';
import { createCallFigures } from './call-figures.ts';
import { callMetrics } from './call-metrics.ts';
import { createCallTracer } from './call-spans.ts';
import { createCallObserver } from './calls.ts';
import type { AuditConfig, TracingConfig } from './config.ts';
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
  /** Undefined where nothing is recorded. */
  auditFile: AuditFile | undefined;
}

export function createObservation(
  { tracing, audit }: { tracing: TracingConfig; audit: AuditConfig },
  { clock, logger, server, auditFile }: ObservationDeps,
): Observation {
  const figures = createCallFigures();
  const openStreams = createOpenStreams();
  const metrics = createMetrics(logger);
  metrics.add(callMetrics(figures, openStreams));
  const spans = openTracing(tracing, { ...server, logger });
  const tracer = spans && createCallTracer(spans, clock);
  const calls = { figures, openStreams, clock, logger: logger.child({ part: 'rpc' }), tracer };
  const observer = createCallObserver(calls);
  const audited = auditFile && withAudit(observer, audit, { file: auditFile, clock });
  return {
    observer: audited ?? observer,
    metrics,
    spans,
    async [Symbol.asyncDispose]() {
      audited?.[Symbol.dispose]();
      await spans?.close();
    },
  };
}
