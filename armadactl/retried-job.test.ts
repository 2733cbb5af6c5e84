import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromJson } from '@armada-ts/api/json';
import { retriedItem } from './retried-job.ts';
import { JOB_ID } from './testing/fake-armada.ts';

const metadata = (name: string) => ({
  name,
  annotations: { armada_jobset_id: 'set', armada_owner: 'ann', 'example.com/own': 'yes' },
});
const port = { name: 'main-80', port: 80 };

const job = fromJson(
  'api.Job',
  {
    id: JOB_ID,
    priority: 7,
    namespace: 'team',
    clientId: 'mine',
    labels: { output: `run-${JOB_ID}`, team: 'red' },
    podSpec: { containers: [{ name: 'main', image: 'none' }], priorityClassName: 'low' },
    k8sService: [
      { metadata: metadata('by-name'), spec: { type: 'NodePort', ports: [port] } },
      { metadata: metadata(`armada-${JOB_ID}-0-service-1`), spec: { clusterIP: 'None', ports: [port] } },
      { metadata: metadata('inner'), spec: { type: 'ClusterIP', ports: [port] } },
    ],
    k8sIngress: [
      {
        metadata: metadata('ingress'),
        spec: {
          rules: [{ http: { paths: [{ backend: { service: { name: 'inner', port: { number: 80 } } } }] } }],
          tls: [{ hosts: ['a'], secretName: 'team-' }],
        },
      },
    ],
  },
  { unknown: 'error' },
);

test('retriedItem() asks for the same again, under a client id that follows from the old job', () => {
  const item = retriedItem(job);
  assert.equal(item.clientId, `retry-${JOB_ID}`);
  assert.deepEqual([item.priority, item.namespace, item.podSpec?.priorityClassName], [7, 'team', 'low']);
  assert.deepEqual(
    [...item.labels],
    [
      ['output', 'run-{JobId}'],
      ['team', 'red'],
    ],
  );
  assert.deepEqual(retriedItem(job), item);
});

test('retriedItem() turns Kubernetes objects back into what was asked for', () => {
  const { services, ingress } = retriedItem(job);
  assert.deepEqual(
    services.map(({ type, ports, name }) => [type, ports, name]),
    [
      [0, [80], 'by-name'],
      [1, [80], ''],
    ],
  );
  assert.deepEqual(
    ingress.map(({ ports, tlsEnabled, certName, useClusterIP, annotations }) => [
      ports,
      tlsEnabled,
      certName,
      useClusterIP,
      [...annotations],
    ]),
    [[[80], true, '', true, [['example.com/own', 'yes']]]],
  );
});
