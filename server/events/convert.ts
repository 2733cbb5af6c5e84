/**
 * The public face of events: what each internal event looks like to those who
 * watch a job set. Some are for the scheduler only and have none; a submit has
 * two.
 *
 * Source of the mapping: Armada's event conversion, with its gaps closed
 * (cancel reasons are carried, `succeeded` names cluster and node).
 */
import {
  EventMessage,
  JobFailedEvent,
  JobIngressInfoEvent,
  JobLeaseReturnedEvent,
  JobPendingEvent,
  JobPreemptedEvent,
  JobRunningEvent,
  JobSucceededEvent,
  JobUtilisationEvent,
} from '@armada-ts/api/api/event';
import { Cause } from '@armada-ts/api/api/job';
import type { StoredSequence } from '@armada-ts/api/armada/store/v1/store';
import type {
  EventSequence,
  JobErrors,
  JobRunErrors,
  KubernetesResourceInfo,
  ObjectMeta,
  PodError,
  SubmitJob,
} from '@armada-ts/api/armadaevents/armadaevents';
import type { Event } from '../model/job.ts';
import { publicJob } from '../model/public-job.ts';
import { errorText } from '../model/run-error.ts';

type PublicEvent = NonNullable<EventMessage['events']>;
type Base = Pick<JobSucceededEvent, 'jobId' | 'jobSetId' | 'queue' | 'created'>;

/**
 * The public events of one stored sequence, in order.
 * @param specs full specs of the jobs it submits
 */
export function publicEvents(stored: StoredSequence, specs: ReadonlyMap<string, SubmitJob>): EventMessage[] {
  const sequence = stored.events;
  if (!sequence) return [];
  const messages: EventMessage[] = [];
  for (const event of sequence.events) {
    for (const events of publicEvent(sequence, event, specs)) messages.push({ events });
  }
  return messages;
}

function publicEvent(
  sequence: EventSequence,
  event: Event,
  specs: ReadonlyMap<string, SubmitJob>,
): PublicEvent[] {
  const what = event.event;
  const base = (jobId: string): Base => ({
    jobId,
    jobSetId: sequence.jobSetName,
    queue: sequence.queue,
    created: event.created,
  });
  if (what === undefined) return [];
  switch (what.$case) {
    case 'submitJob': {
      const start = base(what.value.jobId);
      const job = publicJob(sequence, specs.get(start.jobId) ?? what.value, event.created);
      return [
        { $case: 'submitted', value: { ...start, job } },
        { $case: 'queued', value: start },
      ];
    }
    case 'cancelJob': {
      const { jobId, reason } = what.value;
      return [{ $case: 'cancelling', value: { ...base(jobId), requestor: sequence.userId, reason } }];
    }
    case 'cancelledJob': {
      const { jobId, reason, requestor } = what.value;
      const value = { ...base(jobId), requestor: requestor || sequence.userId, reason };
      return [{ $case: 'cancelled', value }];
    }
    case 'reprioritiseJob': {
      const { jobId, priority: newPriority } = what.value;
      return [
        { $case: 'reprioritizing', value: { ...base(jobId), newPriority, requestor: sequence.userId } },
      ];
    }
    case 'reprioritisedJob': {
      const { jobId, priority: newPriority, requestor } = what.value;
      const value = { ...base(jobId), newPriority, requestor: requestor || sequence.userId };
      return [{ $case: 'reprioritized', value }];
    }
    case 'jobPreemptionRequested': {
      const { jobId, reason } = what.value;
      return [{ $case: 'preempting', value: { ...base(jobId), requestor: sequence.userId, reason } }];
    }
    case 'jobSucceeded': {
      const { jobId, resourceInfos } = what.value;
      return [{ $case: 'succeeded', value: { ...SUCCEEDED, ...base(jobId), ...podOf(resourceInfos) } }];
    }
    case 'jobErrors':
      return jobErrorEvents(base(what.value.jobId), what.value);
    default:
      return runEvent(what, base);
  }
}

type RunEvent = Exclude<
  NonNullable<Event['event']>,
  {
    $case:
      | 'submitJob'
      | 'cancelJob'
      | 'cancelledJob'
      | 'reprioritiseJob'
      | 'reprioritisedJob'
      | 'jobPreemptionRequested'
      | 'jobSucceeded'
      | 'jobErrors';
  }
>;

/** Events of runs, and those that nobody outside sees. */
function runEvent(what: RunEvent, base: (jobId: string) => Base): PublicEvent[] {
  switch (what.$case) {
    case 'jobRunPreempted': {
      const { preemptedJobId, preemptedRunId, reason, preemptingJobId, requestor } = what.value;
      const value = { ...PREEMPTED, ...base(preemptedJobId), runId: preemptedRunId };
      return [{ $case: 'preempted', value: { ...value, reason, preemptingJobId, requestor } }];
    }
    case 'jobRunLeased': {
      const { jobId, executorId: clusterId, pool } = what.value;
      return [{ $case: 'leased', value: { ...base(jobId), clusterId, pool } }];
    }
    case 'jobRunAssigned': {
      const { jobId, pool, resourceInfos } = what.value;
      const value = { ...PENDING, ...base(jobId), ...podOf(resourceInfos), pool };
      return [{ $case: 'pending', value }];
    }
    case 'jobRunRunning': {
      const { jobId, pool, resourceInfos } = what.value;
      const value = { ...RUNNING, ...base(jobId), ...podOf(resourceInfos), pool };
      return [{ $case: 'running', value }];
    }
    case 'jobRunErrors':
      return runErrorEvents(base(what.value.jobId), what.value);
    case 'resourceUtilisation': {
      const { jobId, resourceInfo } = what.value;
      const value = {
        ...UTILISATION,
        ...base(jobId),
        ...podOf(resourceInfo ? [resourceInfo] : []),
        MaxResourcesForPeriod: what.value.maxResourcesForPeriod,
        AvgResourcesForPeriod: what.value.avgResourcesForPeriod,
        totalCumulativeUsage: what.value.totalCumulativeUsage,
      };
      return [{ $case: 'utilisation', value }];
    }
    case 'standaloneIngressInfo': {
      const { jobId, objectMeta, nodeName, podNumber, podName, podNamespace, ingressAddresses } = what.value;
      const place = { ...objectOf(objectMeta), nodeName, podNumber, podName, podNamespace };
      return [{ $case: 'ingressInfo', value: { ...INGRESS, ...base(jobId), ...place, ingressAddresses } }];
    }
    case 'reprioritiseJobSet':
    case 'cancelJobSet':
    case 'jobRunSucceeded':
    case 'jobRunCancelled':
    case 'jobRunPreemptionRequested':
    case 'jobRequeued':
    case 'jobValidated':
    case 'jobRunTerminatedDebugInfo':
    case 'partitionMarker':
      return [];
  }
}

/** Of a run's end only a lost or returned lease shows; how the job fares follows as an event of the job. */
function runErrorEvents(base: Base, errors: JobRunErrors): PublicEvent[] {
  return errors.errors.flatMap((error): PublicEvent[] => {
    if (error.reason?.$case === 'leaseExpired') return [{ $case: 'leaseExpired', value: base }];
    if (error.reason?.$case !== 'podLeaseReturned') return [];
    const { objectMeta, message: reason, podNumber, runAttempted } = error.reason.value;
    const { clusterId, kubernetesId } = objectOf(objectMeta);
    const value = { ...RETURNED, ...base, clusterId, kubernetesId, reason, podNumber, runAttempted };
    return [{ $case: 'leaseReturned', value }];
  });
}

function jobErrorEvents(base: Base, errors: JobErrors): PublicEvent[] {
  return errors.errors.map((error): PublicEvent => {
    const common = {
      ...FAILED,
      ...base,
      failureCategory: error.failureCategory,
      failureSubcategory: error.failureSubcategory,
      retryable: !error.terminal,
      reason: errorText(error),
    };
    const failed = (more: Partial<JobFailedEvent>): PublicEvent => ({
      $case: 'failed',
      value: { ...common, ...more },
    });
    switch (error.reason?.$case) {
      case 'podError':
        return failed(podFailure(error.reason.value));
      case 'jobRejected':
        return failed({ cause: Cause.Rejected });
      case 'podLeaseReturned':
        return failed(objectOf(error.reason.value.objectMeta));
      default:
        return failed({});
    }
  });
}

function podFailure(error: PodError): Partial<JobFailedEvent> {
  const exitCodes = new Map<string, number>();
  const containerStatuses = error.containerErrors.map((container) => {
    const name = container.objectMeta?.name ?? '';
    exitCodes.set(name, container.exitCode);
    const { exitCode, message, reason, kubernetesReason } = container;
    return { name, exitCode, message, reason, cause: kubernetesReason };
  });
  return {
    ...objectOf(error.objectMeta),
    nodeName: error.nodeName,
    podNumber: error.podNumber,
    exitCodes,
    containerStatuses,
    cause: error.kubernetesReason,
  };
}

/** Cluster and pod, under the names public events use. */
function objectOf(meta: ObjectMeta | undefined): {
  clusterId: string;
  kubernetesId: string;
  podName: string;
  podNamespace: string;
} {
  return {
    clusterId: meta?.executorId ?? '',
    kubernetesId: meta?.kubernetesId ?? '',
    podName: meta?.name ?? '',
    podNamespace: meta?.namespace ?? '',
  };
}

function podOf(infos: readonly KubernetesResourceInfo[]): ReturnType<typeof objectOf> & {
  nodeName: string;
  podNumber: number;
} {
  const info = infos[0];
  const pod = info?.info?.$case === 'podInfo' ? info.info.value : undefined;
  return { ...objectOf(info?.objectMeta), nodeName: pod?.nodeName ?? '', podNumber: pod?.podNumber ?? 0 };
}

// Empty messages to fill in: every field must be there for the encoder.
const PENDING = JobPendingEvent.create();
const RUNNING = JobRunningEvent.create();
const SUCCEEDED = JobSucceededEvent.create();
const RETURNED = JobLeaseReturnedEvent.create();
const FAILED = JobFailedEvent.create();
const PREEMPTED = JobPreemptedEvent.create();
const UTILISATION = JobUtilisationEvent.create();
const INGRESS = JobIngressInfoEvent.create();
