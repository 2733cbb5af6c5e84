import type { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import type { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import type { Assignment } from './inboxes.ts';

/** Label by which a node is told from its neighbours, as Kubernetes sets it. */
const NODE_LABEL = 'kubernetes.io/hostname';

/**
 * A lease as executors take it: the stored spec, pinned to the node the
 * scheduler chose. The stored spec itself is not touched.
 */
export function leaseMessage({ job, run }: Assignment, spec: SubmitJob): JobRunLease {
  return {
    queue: job.queue,
    jobset: job.jobSet,
    user: job.owner,
    groups: job.groups,
    jobRunId: run.runId,
    job: placed(spec, run),
  };
}

function placed(spec: SubmitJob, run: Assignment['run']): SubmitJob {
  const placedSpec = { ...spec };
  if (spec.objectMeta) {
    const annotations = new Map(spec.objectMeta.annotations).set('armadaproject.io/pool', run.pool);
    placedSpec.objectMeta = { ...spec.objectMeta, annotations };
  }
  const main = spec.mainObject?.object;
  if (spec.mainObject && main?.value.podSpec) {
    const nodeSelector = new Map(main.value.podSpec.nodeSelector).set(NODE_LABEL, run.node);
    const podSpec = { ...main.value.podSpec, nodeSelector };
    placedSpec.mainObject = {
      ...spec.mainObject,
      object: { $case: 'podSpec', value: { ...main.value, podSpec } },
    };
  }
  return placedSpec;
}
