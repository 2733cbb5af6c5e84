import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QueueGetRequest, QueueInfoRequest } from '@armada-ts/api/api/queue';
import { ArmadaError } from '../../base/errors.ts';
import { unary } from '../../door/method.ts';
import { ask, openRest } from './testing/served.ts';

const getQueue = unary('authenticated', ({ name }: QueueGetRequest) => ({ name, priorityFactor: 1.5 }));

test('a form stands for the verb that a header names, and for no other', async () => {
  const names: string[] = [];
  const deleteQueue = unary('authenticated', ({ name }: { name: string }) => {
    names.push(name);
    return {};
  });
  const getActiveQueues = unary('authenticated', () => ({}));
  await using port = await openRest({ getQueue, deleteQueue, getActiveQueues });
  const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
  const override = { ...form, 'x-http-method-override': 'delete' };
  assert.equal((await ask(port, 'POST /v1/queue/q', { headers: override, body: 'a=b' })).status, 200);
  assert.deepEqual(names, ['q']);
  assert.equal((await ask(port, 'POST /v1/queue/q', { headers: form, body: 'a=b' })).status, 405);
  const json = { 'x-http-method-override': 'DELETE' };
  assert.equal((await ask(port, 'POST /v1/queue/q', { headers: json, body: '{}' })).status, 405);
  // Any page may make a browser send these.
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const headers = { 'content-type': type };
    const { status, json: told } = await ask(port, 'POST /v1/queues/active', { headers, body: '{}' });
    assert.deepEqual([status, (told as { code: number }).code], [415, 3], type);
  }
  const types = ['application/json', 'Application/JSON; charset=utf-8'];
  for (const type of types) {
    const headers = { 'content-type': type };
    assert.equal((await ask(port, 'POST /v1/queues/active', { headers, body: '{}' })).status, 200, type);
  }
});

test('a queue carries what the older method of its path told, for those who may ask it', async () => {
  const infos: string[] = [];
  const getQueueInfo = unary('queue:watch', ({ name }: QueueInfoRequest) => {
    infos.push(name);
    if (name === 'hidden') throw new ArmadaError('PERMISSION_DENIED', 'x');
    return { name: 'overridden', activeJobSets: [{ name: 's', queuedJobs: 2, leasedJobs: 0 }] };
  });
  await using port = await openRest({ getQueue, getQueueInfo });
  assert.deepEqual((await ask(port, 'GET /v1/queue/q')).json, {
    name: 'q',
    priorityFactor: 1.5,
    activeJobSets: [{ name: 's', queuedJobs: 2 }],
  });
  assert.deepEqual((await ask(port, 'GET /v1/queue/hidden')).json, { name: 'hidden', priorityFactor: 1.5 });
  assert.deepEqual(infos, ['q', 'hidden']);
  const info = await ask(port, 'GET /v1/queue/q/info');
  assert.deepEqual(Object.keys(info.json as object), ['name', 'activeJobSets']);
});

test('an ingress that is a node port becomes a service', async () => {
  const requests: { jobRequestItems: { ingress: object[]; services: object[] }[] }[] = [];
  const submitJobs = unary('authenticated', (request: (typeof requests)[number]) => {
    requests.push(request);
    return {};
  });
  await using port = await openRest({ submitJobs });
  const items = [
    {
      ingress: [
        { type: 'NodePort', ports: [1, 2] },
        { type: 'Ingress', ports: [3] },
      ],
    },
    { ingress: [{ type: 0, ports: [1] }], services: [{ type: 'Headless', ports: [4] }] },
  ];
  const body = JSON.stringify({ queue: 'q', jobSetId: 's', jobRequestItems: items });
  assert.equal((await ask(port, 'POST /v1/job/submit', { body })).status, 200);
  const plain = JSON.parse(JSON.stringify(requests[0]?.jobRequestItems)) as {
    ingress: { ports: number[] }[];
    services: { type: number; ports: number[] }[];
  }[];
  const shown = plain.map(({ ingress, services }) => [
    ingress.map(({ ports }) => ports),
    services.map(({ type, ports }) => [type, ports]),
  ]);
  assert.deepEqual(shown, [
    [[[3]], [[0, [1, 2]]]],
    [[[1]], [[1, [4]]]],
  ]);
});
