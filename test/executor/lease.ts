/** Leases as a server sends them, for tests and benchmarks. */
import { randomUUID } from 'node:crypto';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';

type PodSpecInput = Parameters<typeof PodSpec.fromPartial>[0];

/** What a sample differs in from the usual. */
export interface Sample {
  jobId?: string;
  runId?: string;
  queue?: string;
  jobSet?: string;
  node?: string;
  annotations?: Readonly<Record<string, string>>;
  spec?: PodSpecInput;
}

/** A lease of one container, called `main`, that runs `script` by `sh -c`. */
export function sampleLease(script: string, sample: Sample = {}): JobRunLease {
  const container = { name: 'main', image: 'unused', command: ['sh', '-c', script] };
  const spec: PodSpecInput = {
    containers: [container],
    terminationGracePeriodSeconds: 1n,
    nodeSelector: new Map([['kubernetes.io/hostname', sample.node ?? 'local-0']]),
    ...sample.spec,
  };
  const job = SubmitJob.fromPartial({
    jobId: sample.jobId ?? `01${randomUUID().replaceAll('-', '').slice(0, 24)}`,
    objectMeta: { namespace: 'default', annotations: new Map(Object.entries(sample.annotations ?? {})) },
    mainObject: { object: { $case: 'podSpec', value: { podSpec: spec } } },
  });
  const { queue = 'queue-a', jobSet: jobset = 'set-1', runId: jobRunId = randomUUID() } = sample;
  return JobRunLease.fromPartial({ queue, jobset, user: 'user-a', jobRunId, job });
}
