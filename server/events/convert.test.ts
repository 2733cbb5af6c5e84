import { EventMessage } from '@armada-ts/api/api/event';
import { Cause } from '@armada-ts/api/api/job';
import { StoredSequence } from '@armada-ts/api/armada/store/v1/store';
import {
  Error as RunError,
  EventSequence_Event,
  KubernetesReason,
  KubernetesResourceInfo,
  ObjectMeta,
  SubmitJob,
} from '@armada-ts/api/armadaevents/armadaevents';
import { Quantity } from '@armada-ts/api/k8s/io/apimachinery/pkg/api/resource/quantity';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publicEvents } from './convert.ts';

type Given = Parameters<typeof EventSequence_Event.fromPartial>[0]['event'];
type Expected = Parameters<typeof EventMessage.fromPartial>[0]['events'];

const created = { seconds: 1_700_000_000n, nanos: 5 };
const base = { jobId: 'job', jobSetId: 'set', queue: 'queue', created };
const objectMeta = { executorId: 'cluster', kubernetesId: 'uid', name: 'pod', namespace: 'ns' };
const pod = { clusterId: 'cluster', kubernetesId: 'uid', podName: 'pod', podNamespace: 'ns' };
const resourceInfo = KubernetesResourceInfo.fromPartial({
  objectMeta,
  info: { $case: 'podInfo', value: { nodeName: 'node', podNumber: 3 } },
});
const amounts = (value: string) => new Map([['cpu', Quantity.fromPartial({ string: value })]]);

function convert(...events: Given[]): EventMessage[] {
  const stored = StoredSequence.fromPartial({
    jobSet: 'set',
    number: 1,
    events: {
      queue: 'queue',
      jobSetName: 'set',
      userId: 'ann',
      groups: ['users'],
      events: events.map((event) => ({ event, created })),
    },
  });
  // As the wire carries them: fields that a message does not have are left behind.
  return publicEvents(stored, new Map()).map((message) =>
    EventMessage.decode(EventMessage.encode(message).finish()),
  );
}

const asPublic = (events: Expected): EventMessage => EventMessage.fromPartial({ events });

const TABLE: [title: string, given: Given, ...expected: Expected[]][] = [
  [
    'cancelJob',
    { $case: 'cancelJob', value: { jobId: 'job', reason: 'enough' } },
    { $case: 'cancelling', value: { ...base, requestor: 'ann', reason: 'enough' } },
  ],
  [
    'cancelledJob, by whom the event names',
    { $case: 'cancelledJob', value: { jobId: 'job', reason: 'enough', requestor: 'bob' } },
    { $case: 'cancelled', value: { ...base, requestor: 'bob', reason: 'enough' } },
  ],
  [
    'cancelledJob, by the sender',
    { $case: 'cancelledJob', value: { jobId: 'job' } },
    { $case: 'cancelled', value: { ...base, requestor: 'ann' } },
  ],
  [
    'reprioritiseJob',
    { $case: 'reprioritiseJob', value: { jobId: 'job', priority: 9 } },
    { $case: 'reprioritizing', value: { ...base, newPriority: 9, requestor: 'ann' } },
  ],
  [
    'reprioritisedJob',
    { $case: 'reprioritisedJob', value: { jobId: 'job', priority: 9, requestor: 'bob' } },
    { $case: 'reprioritized', value: { ...base, newPriority: 9, requestor: 'bob' } },
  ],
  [
    'jobPreemptionRequested',
    { $case: 'jobPreemptionRequested', value: { jobId: 'job', reason: 'room' } },
    { $case: 'preempting', value: { ...base, requestor: 'ann', reason: 'room' } },
  ],
  [
    'jobRunPreempted',
    {
      $case: 'jobRunPreempted',
      value: {
        preemptedJobId: 'job',
        preemptedRunId: 'run',
        reason: 'room',
        preemptingJobId: 'other',
        requestor: 'bob',
      },
    },
    {
      $case: 'preempted',
      value: { ...base, runId: 'run', reason: 'room', preemptingJobId: 'other', requestor: 'bob' },
    },
  ],
  [
    'jobRunLeased',
    {
      $case: 'jobRunLeased',
      value: { jobId: 'job', runId: 'run', executorId: 'cluster', nodeId: 'node', pool: 'gpu' },
    },
    { $case: 'leased', value: { ...base, clusterId: 'cluster', pool: 'gpu' } },
  ],
  [
    'jobRunAssigned',
    {
      $case: 'jobRunAssigned',
      value: { jobId: 'job', runId: 'run', pool: 'gpu', resourceInfos: [resourceInfo] },
    },
    { $case: 'pending', value: { ...base, ...pod, podNumber: 3, pool: 'gpu' } },
  ],
  [
    'jobRunRunning',
    {
      $case: 'jobRunRunning',
      value: { jobId: 'job', runId: 'run', pool: 'gpu', resourceInfos: [resourceInfo] },
    },
    { $case: 'running', value: { ...base, ...pod, nodeName: 'node', podNumber: 3, pool: 'gpu' } },
  ],
  [
    'jobSucceeded',
    { $case: 'jobSucceeded', value: { jobId: 'job', resourceInfos: [resourceInfo] } },
    { $case: 'succeeded', value: { ...base, ...pod, nodeName: 'node', podNumber: 3 } },
  ],
  [
    'jobSucceeded that names no pod',
    { $case: 'jobSucceeded', value: { jobId: 'job' } },
    { $case: 'succeeded', value: base },
  ],
  [
    'resourceUtilisation',
    {
      $case: 'resourceUtilisation',
      value: {
        jobId: 'job',
        runId: 'run',
        resourceInfo,
        maxResourcesForPeriod: amounts('3'),
        avgResourcesForPeriod: amounts('2'),
        totalCumulativeUsage: amounts('100'),
      },
    },
    {
      $case: 'utilisation',
      value: {
        ...base,
        ...pod,
        nodeName: 'node',
        podNumber: 3,
        MaxResourcesForPeriod: amounts('3'),
        AvgResourcesForPeriod: amounts('2'),
        totalCumulativeUsage: amounts('100'),
      },
    },
  ],
  [
    'standaloneIngressInfo',
    {
      $case: 'standaloneIngressInfo',
      value: {
        jobId: 'job',
        runId: 'run',
        objectMeta: { executorId: 'cluster', kubernetesId: 'uid', name: 'ingress' },
        ingressAddresses: new Map([[8080, 'host:80']]),
        nodeName: 'node',
        podNumber: 3,
        podName: 'pod',
        podNamespace: 'ns',
      },
    },
    {
      $case: 'ingressInfo',
      value: {
        ...base,
        ...pod,
        nodeName: 'node',
        podNumber: 3,
        ingressAddresses: new Map([[8080, 'host:80']]),
      },
    },
  ],
  [
    'jobRunErrors: a lost and a returned lease show, other errors do not',
    {
      $case: 'jobRunErrors',
      value: {
        jobId: 'job',
        runId: 'run',
        errors: [
          { reason: { $case: 'leaseExpired', value: {} } },
          { reason: { $case: 'podError', value: { message: 'broke' } } },
          {
            reason: {
              $case: 'podLeaseReturned',
              value: { objectMeta, message: 'no room', podNumber: 3, runAttempted: true },
            },
          },
        ],
      },
    },
    { $case: 'leaseExpired', value: base },
    {
      $case: 'leaseReturned',
      value: {
        ...base,
        clusterId: 'cluster',
        kubernetesId: 'uid',
        reason: 'no room',
        podNumber: 3,
        runAttempted: true,
      },
    },
  ],
];

for (const [title, given, ...expected] of TABLE) {
  test(`publicEvents() of ${title}`, () => {
    assert.deepEqual(convert(given), expected.map(asPublic));
  });
}

test('publicEvents() of jobErrors: every reason has its text', () => {
  type Reason = Parameters<typeof RunError.fromPartial>[0]['reason'];
  type Failed = Extract<Expected, { $case: 'failed' }>['value'];
  const table: [Reason, Failed][] = [
    [
      { $case: 'jobRejected', value: { message: 'never' } },
      { reason: 'never', cause: Cause.Rejected },
    ],
    [{ $case: 'maxRunsExceeded', value: { message: 'three' } }, { reason: 'three' }],
    [{ $case: 'gangJobUnschedulable', value: { message: 'gang' } }, { reason: 'gang' }],
    [{ $case: 'reconciliationError', value: { message: 'lost' } }, { reason: 'lost' }],
    [{ $case: 'jobRunPreemptedError', value: { reason: 'room' } }, { reason: 'room' }],
    [{ $case: 'leaseExpired', value: {} }, { reason: 'Lease expired' }],
    [
      { $case: 'podLeaseReturned', value: { objectMeta, message: 'back' } },
      { ...pod, reason: 'back' },
    ],
    [{ $case: 'kubernetesError', value: {} }, {}],
    [{ $case: 'containerError', value: {} }, {}],
    [{ $case: 'executorError', value: {} }, {}],
    [undefined, {}],
  ];
  for (const [reason, expected] of table) {
    const error = { reason, terminal: true, failureCategory: 'user', failureSubcategory: 'oom' };
    const failed = { ...base, failureCategory: 'user', failureSubcategory: 'oom', ...expected };
    assert.deepEqual(
      convert({ $case: 'jobErrors', value: { jobId: 'job', errors: [error] } }),
      [asPublic({ $case: 'failed', value: failed })],
      reason?.$case,
    );
  }
});

test('publicEvents() of jobErrors: a failed pod is described, and may be tried again when the error is not final', () => {
  const error = {
    objectMeta,
    message: 'it broke',
    nodeName: 'node',
    podNumber: 3,
    kubernetesReason: KubernetesReason.OOM,
    containerErrors: [
      {
        objectMeta: { name: 'main' },
        exitCode: 137,
        message: 'killed',
        reason: 'OOMKilled',
        kubernetesReason: KubernetesReason.OOM,
      },
      {
        objectMeta: { name: 'side' },
        exitCode: 1,
        message: 'oops',
        reason: 'Error',
        kubernetesReason: KubernetesReason.AppError,
      },
    ],
  };
  const expected = {
    ...base,
    ...pod,
    nodeName: 'node',
    podNumber: 3,
    reason: 'it broke',
    cause: Cause.OOM,
    retryable: true,
    exitCodes: new Map([
      ['main', 137],
      ['side', 1],
    ]),
    containerStatuses: [
      { name: 'main', exitCode: 137, message: 'killed', reason: 'OOMKilled', cause: Cause.OOM },
      { name: 'side', exitCode: 1, message: 'oops', reason: 'Error', cause: Cause.Error },
    ],
  };
  const errors = [{ reason: { $case: 'podError' as const, value: error }, terminal: false }];
  assert.deepEqual(convert({ $case: 'jobErrors', value: { jobId: 'job', errors } }), [
    asPublic({ $case: 'failed', value: expected }),
  ]);
});

test('the causes of pods and of containers have the numbers of their internal reasons', () => {
  const { AppError, Evicted, OOM, DeadlineExceeded } = KubernetesReason;
  assert.deepEqual(
    [AppError, Evicted, OOM, DeadlineExceeded],
    [Cause.Error, Cause.Evicted, Cause.OOM, Cause.DeadlineExceeded],
  );
});

test('publicEvents() shows nothing of what only the scheduler needs', () => {
  const silent: Given[] = [
    { $case: 'reprioritiseJobSet', value: { priority: 1 } },
    { $case: 'cancelJobSet', value: {} },
    { $case: 'jobRunSucceeded', value: { jobId: 'job', runId: 'run' } },
    { $case: 'jobRunCancelled', value: { jobId: 'job', runId: 'run' } },
    { $case: 'jobRunPreemptionRequested', value: { jobId: 'job', runId: 'run' } },
    { $case: 'jobRequeued', value: { jobId: 'job' } },
    { $case: 'jobValidated', value: { jobId: 'job' } },
    { $case: 'jobRunTerminatedDebugInfo', value: { jobId: 'job', runId: 'run' } },
    { $case: 'partitionMarker', value: {} },
    undefined,
  ];
  assert.deepEqual(convert(...silent), []);
  assert.deepEqual(publicEvents(StoredSequence.create({ number: 1 }), new Map()), []);
});

test('publicEvents() of submitJob: submitted with all that was asked for, then queued', () => {
  const labels = new Map([['team', 'red']]);
  const annotations = new Map([['note', 'x']]);
  const meta = ObjectMeta.fromPartial({ name: 'web', namespace: 'ns', labels, annotations });
  const podSpec = { containers: [{ name: 'main', image: 'busybox' }] };
  const spec = SubmitJob.fromPartial({
    jobId: 'job',
    deduplicationId: 'mine',
    priority: 7,
    scheduler: 'own',
    objectMeta: { namespace: 'ns', labels, annotations },
    mainObject: { object: { $case: 'podSpec', value: { podSpec } } },
    objects: [
      { objectMeta: meta, object: { $case: 'service', value: { type: 'NodePort' } } },
      { objectMeta: meta, object: { $case: 'ingress', value: { ingressClassName: 'nginx' } } },
    ],
  });
  const stored = StoredSequence.fromPartial({
    number: 1,
    events: {
      queue: 'queue',
      jobSetName: 'set',
      userId: 'ann',
      groups: ['users'],
      events: [{ created, event: { $case: 'submitJob', value: { jobId: 'job' } } }],
    },
  });
  const metadata = { name: 'web', namespace: 'ns', labels, annotations };
  const messages = publicEvents(stored, new Map([['job', spec]])).map((message) =>
    EventMessage.decode(EventMessage.encode(message).finish()),
  );
  const job = {
    id: 'job',
    clientId: 'mine',
    queue: 'queue',
    jobSetId: 'set',
    owner: 'ann',
    queueOwnershipUserGroups: ['users'],
    created,
    priority: 7,
    namespace: 'ns',
    labels,
    annotations,
    scheduler: 'own',
    podSpec,
    k8sService: [{ metadata, spec: { type: 'NodePort' } }],
    k8sIngress: [{ metadata, spec: { ingressClassName: 'nginx' } }],
  };
  assert.deepEqual(messages, [
    asPublic({ $case: 'submitted', value: { ...base, job } }),
    asPublic({ $case: 'queued', value: base }),
  ]);
  // The spec is gone with the job's record: what is left is told.
  const bare = publicEvents(stored, new Map());
  assert.deepEqual(
    bare.map(({ events }) => events?.$case),
    ['submitted', 'queued'],
  );
});
