import { ObjectMeta } from '@armada-ts/api/armadaevents/armadaevents';
import { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { TRACEPARENT_ANNOTATION } from '@armada-ts/api/trace/traceparent';
import { appendWithin, messageField } from '../model/splice.ts';
import { encodeMessage } from '../model/encode.ts';
import type { Assignment } from './inboxes.ts';

/** Label by which a node is told from its neighbours, as Kubernetes sets it. */
const NODE_LABEL = 'kubernetes.io/hostname';

// Field numbers of executorapi.LeaseStreamMessage and JobRunLease.
const LEASE = 1;
const JOB = 6;

/** In armadaevents.SubmitJob: objectMeta; mainObject, its pod_spec, and the pod spec in that. */
const META_PATH = [4];
const POD_PATH = [5, 2, 1];

/**
 * An encoded executorapi.LeaseStreamMessage with a lease as executors take it:
 * the stored spec, pinned to the node the scheduler chose.
 * @param spec the stored armadaevents.SubmitJob, encoded
 * @param traceparent what the run is traced under, instead of what the job was submitted with
 */
export function encodeLease({ job, run }: Assignment, spec: Uint8Array, traceparent?: string): Uint8Array {
  const { queue, jobSet: jobset, owner: user, groups } = job;
  const jobRunId = run.runId;
  const lease = encodeMessage(JobRunLease, { queue, jobset, user, groups, jobRunId, job: undefined });
  const annotations = new Map([['armadaproject.io/pool', run.pool]]);
  if (traceparent !== undefined) annotations.set(TRACEPARENT_ANNOTATION, traceparent);
  const pool = encodeMessage(ObjectMeta, { ...NO_META, annotations });
  const nodeSelector = new Map([[NODE_LABEL, run.node]]);
  const node = encodeMessage(PodSpec, { ...NO_POD, nodeSelector });
  const placed = appendWithin(appendWithin(spec, META_PATH, pool), POD_PATH, node);
  return messageField(LEASE, Buffer.concat([lease, messageField(JOB, placed)]));
}

// They encode to nothing, so that what is set in them is all that is added.
const NO_META = ObjectMeta.create();
const NO_POD = PodSpec.create();
