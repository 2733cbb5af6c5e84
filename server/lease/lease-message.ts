import { ObjectMeta } from '@armada-ts/api/armadaevents/armadaevents';
import { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { TRACEPARENT_ANNOTATION } from '@armada-ts/api/trace/traceparent';
import { appendWithin, messageField } from '../model/splice.ts';
import { encodeMessage } from '../model/encode.ts';
import type { Assignment } from './inboxes.ts';

/** Label by which a node is told from its neighbours, as Kubernetes sets it. */
const NODE_LABEL = 'kubernetes.io/hostname';
const POOL_ANNOTATION = 'armadaproject.io/pool';

// Field numbers of executorapi.LeaseStreamMessage and JobRunLease.
const LEASE = 1;
const JOB = 6;

/** In armadaevents.SubmitJob: objectMeta; mainObject, its pod_spec, and the pod spec in that. */
const META_PATH = [4];
const POD_PATH = [5, 2, 1];

// They encode to nothing, so that what is set in them is all that is added.
const NO_META = ObjectMeta.create();
const NO_POD = PodSpec.create();

/** More names than this are forgotten, all at once. */
const MAX_REMEMBERED = 10_000;

const inPool = remembered((pool) => encodeAnnotations(new Map([[POOL_ANNOTATION, pool]])));

const onNode = remembered((node) =>
  encodeMessage(PodSpec, { ...NO_POD, nodeSelector: new Map([[NODE_LABEL, node]]) }),
);

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
  const inMeta = traceparent === undefined ? inPool(run.pool) : tracedInPool(run.pool, traceparent);
  const placed = appendWithin(appendWithin(spec, META_PATH, inMeta), POD_PATH, onNode(run.node));
  return messageField(LEASE, lease, messageField(JOB, placed));
}

function tracedInPool(pool: string, traceparent: string): Uint8Array {
  return encodeAnnotations(
    new Map([
      [POOL_ANNOTATION, pool],
      [TRACEPARENT_ANNOTATION, traceparent],
    ]),
  );
}

function encodeAnnotations(annotations: Map<string, string>): Uint8Array {
  return encodeMessage(ObjectMeta, { ...NO_META, annotations });
}

/** The same names come again and again. */
function remembered(encode: (name: string) => Uint8Array): (name: string) => Uint8Array {
  const known = new Map<string, Uint8Array>();
  return (name) => {
    let bytes = known.get(name);
    if (bytes === undefined) {
      if (known.size >= MAX_REMEMBERED) known.clear();
      bytes = encode(name);
      known.set(name, bytes);
    }
    return bytes;
  };
}
