import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import fc from 'fast-check';
import { defaultedJob, defaultedPodSpec, wholePriority } from './defaults.ts';
import { quantities, sampleContainer, sampleItem, sampleRules, sampleSpec } from './testing/sample.ts';

const rules = sampleRules();
const identity = { jobId: '01jdc000000000000000000000', queue: 'queue-a', jobSet: 'set-1', user: 'ann' };
const none = new Map<string, string>();

const podOf = (job: SubmitJob): PodSpec => (job.mainObject!.object!.value as { podSpec: PodSpec }).podSpec;
const jobOf = (item: Parameters<typeof sampleItem>[0], by = rules) =>
  defaultedJob(sampleItem(item), identity, by);
const keys = (spec: PodSpec) => spec.tolerations.map((toleration) => toleration.key);

test('defaultedJob() fills in what an item leaves open', () => {
  const job = jobOf({ namespace: '', priority: 2.5, clientId: 'c' });
  assert.equal(job.jobId, identity.jobId);
  assert.equal(job.deduplicationId, 'c');
  assert.equal(job.priority, 3);
  assert.equal(job.objectMeta?.namespace, 'default');
  const spec = podOf(job);
  assert.equal(spec.activeDeadlineSeconds, 259_200n);
  assert.equal(spec.terminationGracePeriodSeconds, 1n);
  assert.equal(spec.priorityClassName, 'armada-default');
  assert.deepEqual(keys(spec), ['armadaproject.io/armada', 'armadaproject.io/pc-armada-default']);
  assert.equal(spec.containers[0]?.resources?.requests.get('ephemeral-storage')?.string, '8Gi');
  assert.equal(spec.containers[0]?.resources?.limits.get('ephemeral-storage')?.string, '8Gi');
  assert.equal(spec.containers[0]?.resources?.requests.get('memory')?.string, '1Gi');
});

test('defaultedJob() keeps what an item says', () => {
  const spec = podOf(
    jobOf({
      podSpec: sampleSpec({
        activeDeadlineSeconds: 60n,
        terminationGracePeriodSeconds: 20n,
        priorityClassName: 'armada-preemptible',
        tolerations: [{ key: 'own' }],
      }),
    }),
  );
  assert.equal(spec.activeDeadlineSeconds, 60n);
  assert.equal(spec.terminationGracePeriodSeconds, 20n);
  assert.deepEqual(keys(spec), ['own', 'armadaproject.io/armada', 'armadaproject.io/pc-armada-preemptible']);
});

test('defaultedJob() gives jobs with a GPU their deadline and toleration, unless they request none', () => {
  const gpu = (amount: string) =>
    podOf(
      jobOf({
        podSpec: sampleSpec({ containers: [sampleContainer({ cpu: '1', 'nvidia.com/gpu': amount })] }),
      }),
    );
  assert.equal(gpu('1').activeDeadlineSeconds, 1_209_600n);
  assert.equal(keys(gpu('1')).at(-1), 'armadaproject.io/gpu');
  assert.equal(gpu('0').activeDeadlineSeconds, 259_200n);
  assert.equal(keys(gpu('0')).includes('armadaproject.io/gpu'), false);
});

test('defaultedJob() puts the job id into label and annotation values', () => {
  const job = jobOf({
    labels: new Map([
      ['a', 'x-{JobId}'],
      ['b', '{{JobId}}'],
      ['{JobId}', '{jobId}'],
    ]),
    annotations: new Map([['a', '{JobId}/{JobId}']]),
  });
  assert.deepEqual(
    [...job.objectMeta!.labels],
    [
      ['a', `x-${identity.jobId}`],
      ['b', 'JobId'],
      ['{JobId}', '{jobId}'],
    ],
  );
  assert.equal(job.objectMeta!.annotations.get('a'), `${identity.jobId}/${identity.jobId}`);
});

test('defaultedJob() completes the annotations of a gang', () => {
  const annotations = new Map([
    ['armadaproject.io/gangId', 'g'],
    ['armadaproject.io/gangCardinality', '2'],
  ]);
  const found = jobOf(
    { annotations },
    sampleRules({ defaultGangNodeUniformityLabel: 'rack', addGangIdLabel: true }),
  ).objectMeta!;
  assert.equal(found.annotations.get('armadaproject.io/failFast'), 'true');
  assert.equal(found.annotations.get('armadaproject.io/gangNodeUniformityLabel'), 'rack');
  assert.equal(found.labels.get('armadaproject.io/gangId'), 'g');
  const own = jobOf({
    annotations: new Map([...annotations, ['armadaproject.io/gangNodeUniformityLabel', 'zone']]),
  }).objectMeta!;
  assert.equal(own.annotations.get('armadaproject.io/gangNodeUniformityLabel'), 'zone');
  assert.equal(own.labels.size, 0);
  const single = new Map([
    ['armadaproject.io/gangId', 'g'],
    ['armadaproject.io/gangCardinality', '1'],
  ]);
  assert.equal(jobOf({ annotations: single }).objectMeta!.annotations.size, 2);
});

test('defaultedJob() reads what annotations say about the job', () => {
  const annotated = jobOf({
    annotations: new Map([
      ['armadaproject.io/externalJobUri', 'uri:a'],
      ['armadaproject.io/atMostOnce', 'true'],
    ]),
  });
  assert.equal(annotated.externalJobUri, 'uri:a');
  assert.equal(annotated.atMostOnce, true);
  const field = jobOf({
    annotations: new Map([['armadaproject.io/externalJobUri', 'uri:a']]),
    externalJobUri: 'uri:b',
  });
  assert.equal(field.externalJobUri, 'uri:b');
  assert.equal(field.atMostOnce, false);
});

test('defaultedJob() turns required node labels of 2021 into a node selector', () => {
  const spec = podOf(
    jobOf({
      requiredNodeLabels: new Map([['zone', 'a']]),
      podSpec: sampleSpec({ nodeSelector: new Map([['x', 'y']]) }),
    }),
  );
  assert.deepEqual(
    [...spec.nodeSelector],
    [
      ['x', 'y'],
      ['zone', 'a'],
    ],
  );
});

test('defaultedJob() leaves the request as it was and keeps fields it does not know', () => {
  const unknown = { [(99 << 3) | 0]: [Uint8Array.of(7)] };
  const item = sampleItem({
    annotations: new Map([
      ['armadaproject.io/gangId', 'g'],
      ['armadaproject.io/gangCardinality', '2'],
      ['a', '{JobId}'],
    ]),
    podSpec: sampleSpec({ containers: [{ name: 'main' }], initContainers: [{ name: 'init' }] }),
    services: [{ ports: [80] }],
  });
  item.podSpec!._unknownFields = unknown;
  item.podSpec!.containers[0]!._unknownFields = unknown;
  const before = JobSubmitRequestItem.encode(item).finish();
  const job = defaultedJob(item, identity, rules);
  assert.deepEqual(JobSubmitRequestItem.encode(item).finish(), before);
  const kept = podOf(SubmitJob.decode(SubmitJob.encode(job).finish()));
  assert.deepEqual(
    kept._unknownFields?.[(99 << 3) | 0]?.map((bytes) => [...bytes]),
    [[7]],
  );
  assert.ok(kept.containers[0]?._unknownFields?.[(99 << 3) | 0]);
  assert.equal(kept.initContainers[0]?.resources?.limits.get('cpu')?.string, '1');
});

test('defaultedPodSpec() applied again adds nothing but tolerations once more', () => {
  const amounts = fc.dictionary(
    fc.constantFrom('cpu', 'memory', 'nvidia.com/gpu'),
    fc.constantFrom('0', '1', '2Gi'),
  );
  const anySpec = fc.record({
    grace: fc.constantFrom(undefined, 0n, 5n),
    deadline: fc.constantFrom(undefined, 0n, 60n),
    priorityClassName: fc.constantFrom(undefined, '', 'armada-preemptible', 'armada-resilient'),
    containers: fc.array(amounts, { maxLength: 3 }),
  });
  fc.assert(
    fc.property(anySpec, ({ grace, deadline, priorityClassName, containers }) => {
      const spec = PodSpec.create({
        terminationGracePeriodSeconds: grace,
        activeDeadlineSeconds: deadline,
        priorityClassName,
        containers: containers.map((one) => ({
          resources: { requests: quantities(one), limits: quantities(one) },
        })),
      });
      const once = defaultedPodSpec(spec, none, rules);
      const twice = defaultedPodSpec(once, none, rules);
      assert.deepEqual({ ...twice, tolerations: [] }, { ...once, tolerations: [] });
      assert.deepEqual(twice.tolerations, [...once.tolerations, ...once.tolerations]);
      assert.equal(twice.containers, once.containers);
    }),
  );
});

test('wholePriority() gives the nearest whole number there is', () => {
  const cases = [
    [0, 0],
    [-1, 0],
    [0.4, 0],
    [0.5, 1],
    [2.5, 3],
    [1e12, 4_294_967_295],
    [Number.POSITIVE_INFINITY, 4_294_967_295],
  ];
  for (const [asked, kept] of cases) assert.equal(wholePriority(asked!), kept);
});
