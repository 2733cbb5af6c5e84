import type { Spans } from '@armada-ts/api/trace/spans';
import { TRACEPARENT_ANNOTATION } from '@armada-ts/api/trace/traceparent';
import { createFieldCursor, mustReadField } from '@armada-ts/api/encoded/fields';
import { ObjectMeta } from '@armada-ts/api/armadaevents/armadaevents';
import type { Assignment } from './inboxes.ts';

/** Field number of objectMeta in armadaevents.SubmitJob. */
const META = 4;

/**
 * Tells how long the job of a traced submit has waited for this lease.
 * Returns the traceparent for the run; undefined when the job is not traced.
 */
export function spanOfLease(
  spans: Spans,
  { job, run }: Assignment,
  spec: Uint8Array,
  nowMs: number,
): string | undefined {
  const parent = traceparentIn(spec);
  if (parent === undefined) return undefined;
  const at = job.runs.findIndex(({ runId }) => runId === run.runId);
  const before = job.runs[at - 1];
  const span = spans.begin({
    name: 'queued',
    kind: 'internal',
    parent,
    startMs: before ? (before.finishedAtMs ?? before.leasedAtMs) : job.submittedAtMs,
    attributes: {
      'armada.queue': job.queue,
      'armada.job_set': job.jobSet,
      'armada.job_id': job.jobId,
      'armada.run_id': run.runId,
      'armada.executor': run.executorId,
      'armada.node': run.node,
      'armada.decided_after_ms': Math.max(0, run.leasedAtMs - job.submittedAtMs),
    },
  });
  span.end({ endMs: nowMs });
  return span.traceparent;
}

function traceparentIn(spec: Uint8Array): string | undefined {
  const cursor = createFieldCursor(spec);
  let found: string | undefined;
  while (mustReadField(cursor)) {
    if (cursor.number !== META) continue;
    const { annotations } = ObjectMeta.decode(spec.subarray(cursor.content, cursor.at));
    found = annotations.get(TRACEPARENT_ANNOTATION) ?? found;
  }
  return found;
}
