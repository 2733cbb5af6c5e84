import { randomBytes } from 'node:crypto';
import { openSpans } from '@armada-ts/api/trace/spans';
import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';
import { type HeldRun, hasEnded } from './runtime.ts';

/** Tells a collector of runs whose jobs were submitted by a traced call. */
export interface RunSpans {
  changed(run: HeldRun): void;
  close(): Promise<void>;
}

export interface RunSpansDeps {
  executorId: string;
  clock: Clock;
  logger: Logger;
}

export function openRunSpans(
  endpoint: string | undefined,
  { executorId, clock, logger }: RunSpansDeps,
): RunSpans | undefined {
  if (endpoint === undefined) return undefined;
  const spans = openSpans({
    endpoint,
    // No trace begins here.
    sampleRatio: 0,
    resource: { 'service.name': 'armada-executor', 'service.instance.id': executorId },
    random: randomBytes,
    report: (reason) => logger.warn({ endpoint, reason }, 'traces do not reach their collector'),
  });
  return {
    changed(run) {
      const { traceparent: parent, state, acceptedAtMs } = run;
      if (parent === undefined || !hasEnded(state)) return;
      const attributes = {
        'armada.queue': run.queue,
        'armada.job_set': run.jobSet,
        'armada.job_id': run.jobId,
        'armada.run_id': run.runId,
        'armada.node': run.node,
        'armada.run_outcome': state.phase,
        ...(run.startedAtMs !== undefined && { 'armada.started_after_ms': run.startedAtMs - acceptedAtMs }),
      };
      const span = spans.begin({ name: 'run', kind: 'internal', parent, startMs: acceptedAtMs, attributes });
      const endMs = 'finishedAtMs' in state ? state.finishedAtMs : clock.now();
      span.end({ endMs, ...(state.phase === 'failed' && { failure: state.failure.message }) });
    },
    close: () => spans.close(),
  };
}
