import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import fc from 'fast-check';
import { createClassifier, schedulingClassOf } from './scheduling-class.ts';

const quantities = (entries: [string, string][]) =>
  new Map(entries.map(([name, string]) => [name, { string }]));

function spec(requests: [string, string][], more: Partial<PodSpec> = {}): PodSpec {
  const list = quantities(requests);
  return {
    ...PodSpec.create({ containers: [{ name: 'main', resources: { requests: list, limits: list } }] }),
    ...more,
  };
}

test('schedulingClassOf() names equal needs equally, however they are written', () => {
  const one = spec(
    [
      ['cpu', '1'],
      ['memory', '1Gi'],
    ],
    {
      nodeSelector: new Map([
        ['a', '1'],
        ['b', '2'],
      ]),
      tolerations: [
        { key: 'x', operator: 'Exists' },
        { key: 'y', value: 'v' },
      ],
    },
  );
  const other = spec(
    [
      ['memory', '1024Mi'],
      ['cpu', '1000m'],
    ],
    {
      nodeSelector: new Map([
        ['b', '2'],
        ['a', '1'],
      ]),
      tolerations: [
        { key: 'y', value: 'v', tolerationSeconds: 5n },
        { key: 'x', operator: 'Exists' },
        { key: 'x', operator: 'Exists' },
      ],
    },
  );
  assert.match(schedulingClassOf(one).id, /^[0-9a-f]{32}$/);
  assert.deepEqual(schedulingClassOf(one), schedulingClassOf(other));
});

test('schedulingClassOf() tells different needs apart', () => {
  const base = spec([['cpu', '1']]);
  const affinity = (value: string) =>
    PodSpec.create({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [value] }] }],
          },
        },
      },
    }).affinity;
  const variants: PodSpec[] = [
    base,
    spec([['cpu', '2']]),
    spec([
      ['cpu', '1'],
      ['nvidia.com/gpu', '1'],
    ]),
    { ...base, priorityClassName: 'armada-preemptible' },
    { ...base, nodeSelector: new Map([['a', 'b']]) },
    { ...base, tolerations: [{ key: 'a' }] },
    { ...base, tolerations: [{ key: 'a', effect: 'NoSchedule' }] },
    { ...base, affinity: affinity('a') },
    { ...base, affinity: affinity('b') },
  ];
  const classify = createClassifier();
  assert.equal(new Set(variants.map((variant) => classify(variant).id)).size, variants.length);
});

test('createClassifier() answers as schedulingClassOf() does, remembered or not', () => {
  const classify = createClassifier(3);
  const anySpec = fc
    .record({
      cpu: fc.constantFrom('1', '1000m', '2', '500m'),
      labels: fc.dictionary(fc.constantFrom('a', 'b', 'ab'), fc.constantFrom('', 'b', '1:b', '-')),
      tolerations: fc.array(
        fc.record({ key: fc.constantFrom('a', 'b', undefined), value: fc.constantFrom('', '-', undefined) }),
      ),
      priorityClassName: fc.constantFrom('', 'x', undefined),
    })
    .map(({ cpu, labels, tolerations, priorityClassName }) =>
      spec([['cpu', cpu]], { nodeSelector: new Map(Object.entries(labels)), tolerations, priorityClassName }),
    );
  fc.assert(fc.property(anySpec, (one) => assert.deepEqual(classify(one), schedulingClassOf(one))));
});
