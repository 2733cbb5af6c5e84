import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Container, PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { servicePorts, totalRequests } from './requirements.ts';

function container(requests: Record<string, string>, more: Partial<Container> = {}): Container {
  const quantities = new Map(Object.entries(requests).map(([name, string]) => [name, { string }]));
  return { ...Container.create({ resources: { requests: quantities, limits: quantities } }), ...more };
}

function totals(spec: Partial<PodSpec>): Record<string, number> {
  return Object.fromEntries(totalRequests({ ...PodSpec.create(), ...spec }));
}

test('totalRequests() is the larger of what runs together and what runs before', () => {
  assert.deepEqual(
    totals({ containers: [container({ cpu: '1', memory: '1Ki' }), container({ cpu: '500m' })] }),
    {
      cpu: 1500,
      memory: 1024,
    },
  );
  assert.deepEqual(
    totals({
      containers: [container({ cpu: '1', memory: '1Ki' })],
      initContainers: [container({ cpu: '3' }), container({ memory: '2Ki' })],
    }),
    { cpu: 3000, memory: 2048 },
  );
});

test('totalRequests() counts a sidecar beside main containers and later init containers', () => {
  const sidecar = container({ cpu: '1' }, { restartPolicy: 'Always' });
  assert.deepEqual(totals({ containers: [container({ cpu: '1' })], initContainers: [sidecar] }), {
    cpu: 2000,
  });
  assert.deepEqual(
    totals({ containers: [container({ cpu: '1' })], initContainers: [sidecar, container({ cpu: '4' })] }),
    { cpu: 5000 },
  );
  assert.deepEqual(
    totals({ containers: [container({ cpu: '1' })], initContainers: [container({ cpu: '4' }), sidecar] }),
    { cpu: 4000 },
  );
});

test('totalRequests() is never below what the pod asks as a whole, and adds its overhead', () => {
  const resources = { requests: new Map([['cpu', { string: '10' }]]), limits: new Map(), claims: [] };
  const overhead = new Map([['cpu', { string: '1' }]]);
  assert.deepEqual(totals({ containers: [container({ cpu: '1' })], resources, overhead }), { cpu: 11000 });
});

test('totalRequests() charges limits where there are no requests', () => {
  const limited = Container.create({ resources: { limits: new Map([['cpu', { string: '2' }]]) } });
  assert.deepEqual(totals({ containers: [limited] }), { cpu: 2000 });
});

test('servicePorts() leaves out ports of the node and of init containers that end', () => {
  const port = (containerPort: number, hostPort = 0) => ({ containerPort, hostPort, protocol: 'TCP' });
  const spec = PodSpec.create({
    containers: [{ name: 'main', ports: [port(80), port(81, 9000)] }],
    initContainers: [
      { name: 'proxy', restartPolicy: 'Always', ports: [port(82)] },
      { name: 'setup', ports: [port(83)] },
    ],
  });
  assert.deepEqual(servicePorts(spec), [
    { container: 'main', port: 80, protocol: 'TCP' },
    { container: 'proxy', port: 82, protocol: 'TCP' },
  ]);
});
