import { Job } from '@armada-ts/api/api/job';
import type { EventSequence, ObjectMeta, SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import type { Timestamp } from '@armada-ts/api/google/protobuf/timestamp';
import { ObjectMeta as KubernetesObjectMeta } from '@armada-ts/api/k8s/io/apimachinery/pkg/apis/meta/v1/meta';

/** The job as its submitter knows it, out of the internal form that is stored. */
export function publicJob(
  sequence: Pick<EventSequence, 'queue' | 'jobSetName' | 'userId' | 'groups'>,
  submit: SubmitJob,
  created: Timestamp | undefined,
): Job {
  const job: Job = {
    ...EMPTY,
    id: submit.jobId,
    clientId: submit.deduplicationId,
    queue: sequence.queue,
    jobSetId: sequence.jobSetName,
    owner: sequence.userId,
    queueOwnershipUserGroups: sequence.groups,
    created,
    priority: submit.priority,
    namespace: submit.objectMeta?.namespace ?? '',
    labels: submit.objectMeta?.labels ?? EMPTY.labels,
    annotations: submit.objectMeta?.annotations ?? EMPTY.annotations,
    scheduler: submit.scheduler,
    k8sIngress: [],
    k8sService: [],
  };
  if (submit.mainObject?.object?.$case === 'podSpec') {
    job.podSpec = submit.mainObject.object.value.podSpec;
  }
  for (const { object, objectMeta } of submit.objects) {
    const metadata = kubernetesMeta(objectMeta);
    if (object?.$case === 'service') job.k8sService.push({ metadata, spec: object.value, status: undefined });
    if (object?.$case === 'ingress') job.k8sIngress.push({ metadata, spec: object.value, status: undefined });
  }
  return job;
}

function kubernetesMeta(meta: ObjectMeta | undefined): KubernetesObjectMeta | undefined {
  if (!meta) return undefined;
  const { name, namespace, labels, annotations } = meta;
  return { ...EMPTY_META, name, namespace, labels, annotations };
}

const EMPTY = Job.create();
const EMPTY_META = KubernetesObjectMeta.create();
