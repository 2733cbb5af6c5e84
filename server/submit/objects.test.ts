import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IngressConfig, ServiceConfig, ServiceType } from '@armada-ts/api/api/job';
import type { KubernetesObject } from '@armada-ts/api/armadaevents/armadaevents';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { objectsOf } from './objects.ts';

const owner = { jobId: 'j', queue: 'q', jobSet: 's', user: 'ann', namespace: 'ns' };
const spec = PodSpec.create({
  containers: [{ name: 'web', ports: [{ containerPort: 80, protocol: 'TCP' }, { containerPort: 81 }] }],
});

function objects(
  services: Parameters<typeof ServiceConfig.create>[0][],
  ingress: Parameters<typeof IngressConfig.create>[0][],
  allowCustomNames = false,
): KubernetesObject[] {
  const wanted = {
    services: services.map((one) => ServiceConfig.create(one)),
    ingress: ingress.map((one) => IngressConfig.create(one)),
  };
  return objectsOf(wanted, spec, owner, allowCustomNames);
}

const names = (list: KubernetesObject[]) => list.map((one) => one.objectMeta?.name);
const service = (one: KubernetesObject | undefined) =>
  one?.object?.$case === 'service' ? one.object.value : undefined;
const ingress = (one: KubernetesObject | undefined) =>
  one?.object?.$case === 'ingress' ? one.object.value : undefined;

test('objectsOf() makes services for ports the pod has', () => {
  const list = objects(
    [
      { type: ServiceType.NodePort, ports: [80] },
      { type: ServiceType.Headless, ports: [9000] },
      { type: ServiceType.Headless, ports: [80, 81], name: 'own' },
    ],
    [],
  );
  assert.deepEqual(names(list), ['armada-j-0-service-0', 'armada-j-0-service-1']);
  assert.equal(service(list[0])?.type, 'NodePort');
  assert.equal(service(list[0])?.clusterIP, undefined);
  assert.equal(service(list[1])?.clusterIP, 'None');
  assert.deepEqual(
    service(list[1])?.ports.map(({ name, port, protocol }) => [name, port, protocol]),
    [
      ['web-80', 80, 'TCP'],
      ['web-81', 81, 'TCP'],
    ],
  );
  assert.deepEqual([...service(list[0])!.selector], [['armada_job_id', 'j']]);
  assert.deepEqual(
    [...list[0]!.objectMeta!.labels],
    [
      ['armada_job_id', 'j'],
      ['armada_queue_id', 'q'],
      ['armada_pod_number', '0'],
    ],
  );
  assert.deepEqual(
    [...list[0]!.objectMeta!.annotations],
    [
      ['armada_jobset_id', 's'],
      ['armada_owner', 'ann'],
    ],
  );
  assert.deepEqual(names(objects([{ ports: [80], name: 'own' }], [], true)), ['own']);
});

test('objectsOf() points an ingress at a service that has its ports, or makes one', () => {
  const reused = objects([{ ports: [80, 81] }], [{ ports: [81], annotations: new Map([['a', 'b']]) }]);
  assert.deepEqual(names(reused), ['armada-j-0-service-0', 'armada-j-0-ingress-0']);
  const [rule] = ingress(reused[1])!.rules;
  assert.equal(rule?.host, 'web-81-armada-j-0.ns.');
  const [path] = rule!.ingressRuleValue!.http!.paths;
  assert.deepEqual(
    [path?.path, path?.pathType, path?.backend?.service?.name, path?.backend?.service?.port?.number],
    ['/', 'Prefix', 'armada-j-0-service-0', 81],
  );
  assert.equal(reused[1]!.objectMeta!.annotations.get('a'), 'b');

  const made = objects([], [{ ports: [80] }, { ports: [81], useClusterIP: true }, { ports: [9000] }]);
  assert.deepEqual(names(made), [
    'armada-j-0-service-0',
    'armada-j-0-service-1',
    'armada-j-0-ingress-0',
    'armada-j-0-ingress-1',
  ]);
  assert.equal(service(made[0])?.clusterIP, 'None');
  assert.equal(service(made[1])?.type, 'ClusterIP');
  assert.equal(service(made[1])?.clusterIP, undefined);
});

test('objectsOf() asks for certificates by name, or leaves the name to the executor', () => {
  const list = objects(
    [{ ports: [80, 81] }],
    [
      { ports: [80], tlsEnabled: true, certName: 'cert' },
      { ports: [81], tlsEnabled: true },
    ],
  );
  assert.deepEqual(
    ingress(list[1])?.tls.map(({ hosts, secretName }) => [hosts, secretName]),
    [[['web-80-armada-j-0.ns.'], 'cert']],
  );
  assert.deepEqual(
    ingress(list[2])?.tls.map(({ secretName }) => secretName),
    ['ns-'],
  );
});
