import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestampOf } from './instant.ts';
import { publicJob } from './public-job.ts';

const SENDER = { queue: 'queue', jobSetName: 'set', userId: 'ann', groups: ['users'] };

test('a job is told as its submitter knows it', () => {
  const submit = SubmitJob.fromPartial({
    jobId: 'job',
    deduplicationId: 'mine',
    priority: 3,
    scheduler: 'theirs',
    objectMeta: { namespace: 'default', labels: new Map([['a', '1']]), annotations: new Map([['b', '2']]) },
    mainObject: {
      object: { $case: 'podSpec', value: { podSpec: { containers: [{ name: 'main' }] } } },
    },
  });
  const job = publicJob(SENDER, submit, timestampOf(5));
  assert.deepEqual(
    [job.id, job.clientId, job.queue, job.jobSetId, job.owner, job.queueOwnershipUserGroups],
    ['job', 'mine', 'queue', 'set', 'ann', ['users']],
  );
  assert.deepEqual(
    [job.priority, job.scheduler, job.namespace, job.created],
    [3, 'theirs', 'default', timestampOf(5)],
  );
  assert.deepEqual([[...job.labels], [...job.annotations]], [[['a', '1']], [['b', '2']]]);
  assert.equal(job.podSpec?.containers[0]?.name, 'main');
});

test('what stands beside the pod is told as the Kubernetes objects it was made into', () => {
  const objectMeta = { name: 'beside', namespace: 'default', labels: new Map([['a', '1']]) };
  const submit = SubmitJob.fromPartial({
    jobId: 'job',
    objects: [
      { objectMeta, object: { $case: 'service', value: { clusterIP: 'None' } } },
      { objectMeta, object: { $case: 'ingress', value: { ingressClassName: 'web' } } },
    ],
  });
  const { k8sService, k8sIngress, namespace, podSpec } = publicJob(SENDER, submit, undefined);
  assert.deepEqual([namespace, podSpec], ['', undefined]);
  assert.deepEqual(
    [k8sService.length, k8sService[0]?.spec?.clusterIP, k8sService[0]?.metadata?.name],
    [1, 'None', 'beside'],
  );
  assert.deepEqual(
    [k8sIngress.length, k8sIngress[0]?.spec?.ingressClassName, k8sIngress[0]?.metadata?.labels.get('a')],
    [1, 'web', '1'],
  );
});
