/** Events of one job, short to write, for tests of what events do. */
import {
  type Error as RunError,
  type KubernetesResourceInfo,
} from '@armada-ts/api/armadaevents/armadaevents';
import type { Event } from '../job.ts';

export type Payload = NonNullable<Event['event']>;

/** The job that all of them are about. */
export const JOB = 'job';
const NONE: Omit<RunError, 'reason'> = {
  terminal: true,
  failureCategory: '',
  failureSubcategory: '',
  retryPolicyName: '',
};
const failure = (reason: RunError['reason'], terminal = true): RunError => ({ ...NONE, terminal, reason });
export const returned = (runAttempted: boolean): RunError =>
  failure({
    $case: 'podLeaseReturned',
    value: { objectMeta: undefined, message: 'no', podNumber: 0, runAttempted, debugMessage: '' },
  });
export const EXPIRED = failure({ $case: 'leaseExpired', value: {} });
export const BROKEN = failure({ $case: 'executorError', value: {} });
export const REJECTED = failure({ $case: 'jobRejected', value: { message: 'no' } });
export const PREEMPTED = failure({ $case: 'jobRunPreemptedError', value: { reason: 'no' } });

export const lease = (runId: string): Payload => ({
  $case: 'jobRunLeased',
  value: {
    jobId: JOB,
    runId,
    executorId: 'cluster',
    nodeId: 'node',
    pool: 'default',
    updateSequenceNumber: 0,
    hasScheduledAtPriority: false,
    scheduledAtPriority: 0,
    podRequirementsOverlay: undefined,
  },
});
export const assigned = (runId: string, resourceInfos: KubernetesResourceInfo[] = []): Payload => ({
  $case: 'jobRunAssigned',
  value: { jobId: JOB, runId, pool: '', resourceInfos },
});
export const running = (runId: string): Payload => ({
  $case: 'jobRunRunning',
  value: { jobId: JOB, runId, pool: '', resourceInfos: [] },
});
export const done = (runId: string): Payload => ({
  $case: 'jobRunSucceeded',
  value: { jobId: JOB, runId, resourceInfos: [] },
});
export const erred = (runId: string, ...errors: RunError[]): Payload => ({
  $case: 'jobRunErrors',
  value: { jobId: JOB, runId, errors },
});
export const runCancelled = (runId: string): Payload => ({
  $case: 'jobRunCancelled',
  value: { jobId: JOB, runId, reason: '', requestor: '' },
});
export const runPreempted = (preemptedRunId: string): Payload => ({
  $case: 'jobRunPreempted',
  value: { preemptedJobId: JOB, preemptedRunId, reason: '', preemptingJobId: '', requestor: '' },
});
export const utilisation = (runId: string): Payload => ({
  $case: 'resourceUtilisation',
  value: {
    jobId: JOB,
    runId,
    resourceInfo: undefined,
    maxResourcesForPeriod: new Map(),
    avgResourcesForPeriod: new Map(),
    totalCumulativeUsage: new Map(),
  },
});
export const ingress = (runId: string): Payload => ({
  $case: 'standaloneIngressInfo',
  value: {
    jobId: JOB,
    runId,
    objectMeta: undefined,
    ingressAddresses: new Map(),
    nodeName: '',
    podNumber: 0,
    podName: '',
    podNamespace: '',
  },
});
export const debugInfo = (runId: string): Payload => ({
  $case: 'jobRunTerminatedDebugInfo',
  value: { jobId: JOB, runId, debugMessage: '' },
});
export const requeued: Payload = {
  $case: 'jobRequeued',
  value: { jobId: JOB, schedulingInfo: undefined, updateSequenceNumber: 0 },
};
export const succeeded: Payload = { $case: 'jobSucceeded', value: { jobId: JOB, resourceInfos: [] } };
export const cancelled: Payload = { $case: 'cancelledJob', value: { jobId: JOB, reason: '', requestor: '' } };
export const jobErrors = (...errors: RunError[]): Payload => ({
  $case: 'jobErrors',
  value: { jobId: JOB, errors },
});
export const cancel = (reason = ''): Payload => ({ $case: 'cancelJob', value: { jobId: JOB, reason } });
export const preempt = (reason = ''): Payload => ({
  $case: 'jobPreemptionRequested',
  value: { jobId: JOB, reason },
});
export const reprioritise = (priority: number): Payload => ({
  $case: 'reprioritiseJob',
  value: { jobId: JOB, priority },
});
export const reprioritised = (priority: number): Payload => ({
  $case: 'reprioritisedJob',
  value: { jobId: JOB, priority, requestor: '' },
});
