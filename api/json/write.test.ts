import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventMessage } from '../generated/proto/api/event.ts';
import { IngressConfig, JobState } from '../generated/proto/api/job.ts';
import { JobSubmitRequestItem } from '../generated/proto/api/submit.ts';
import { Queue, QueueCancelRequest, StreamingQueueMessage } from '../generated/proto/api/queue.ts';
import { RetryRule } from '../generated/proto/api/retry_policy.ts';
import {
  Container,
  PodSpec,
  ScaleIOVolumeSource,
  Volume,
} from '../generated/proto/k8s/io/api/core/v1/core.ts';
import { ObjectMeta } from '../generated/proto/k8s/io/apimachinery/pkg/apis/meta/v1/meta.ts';
import { JsonError, type MessageName, type MessageTypes, toJson } from './codec.ts';

function textOf<Name extends MessageName>(typeName: Name, message: MessageTypes[Name]): string {
  return JSON.stringify(toJson(typeName, message));
}

test('toJson() writes an event flat, with its time as text', () => {
  const message = EventMessage.fromPartial({
    events: {
      $case: 'running',
      value: { jobId: '01a', created: { seconds: 1626103796n, nanos: 500_000_000 }, podNumber: 0 },
    },
  });
  assert.equal(
    textOf('api.EventMessage', message),
    '{"running":{"jobId":"01a","created":"2021-07-12T15:29:56.5Z"}}',
  );
});

test('toJson() wraps the members of a oneof where Go does, an empty one too', () => {
  const end = StreamingQueueMessage.fromPartial({ event: { $case: 'end', value: {} } });
  assert.equal(textOf('api.StreamingQueueMessage', end), '{"Event":{"end":{}}}');
  assert.equal(textOf('api.StreamingQueueMessage', StreamingQueueMessage.create()), '{}');
});

test('toJson() leaves out what is empty', () => {
  assert.equal(textOf('api.Queue', Queue.create()), '{}');
  assert.equal(textOf('api.JobSubmitRequestItem', JobSubmitRequestItem.create()), '{}');
});

test('toJson() writes enums by name, zero ones in lists only, future ones by number', () => {
  const states = [JobState.QUEUED, JobState.RUNNING, 99 as JobState];
  assert.equal(
    textOf('api.QueueCancelRequest', QueueCancelRequest.fromPartial({ jobStates: states })),
    '{"jobStates":["QUEUED","RUNNING",99]}',
  );
  assert.equal(textOf('api.RetryRule', RetryRule.fromPartial({ action: 1 })), '{"action":"Fail"}');
  assert.equal(textOf('api.IngressConfig', IngressConfig.create()), '{}');
});

test('toJson() sorts map keys and keeps __proto__ among them', () => {
  const labels = new Map([
    ['b', '1'],
    ['__proto__', '2'],
    ['a', '3'],
  ]);
  assert.equal(
    textOf('api.Queue', Queue.fromPartial({ labels })),
    '{"labels":{"__proto__":"2","a":"3","b":"1"}}',
  );
});

test('toJson() writes numbers that JSON cannot hold as text', () => {
  assert.equal(
    textOf('api.JobSubmitRequestItem', JobSubmitRequestItem.fromPartial({ priority: Number.NaN })),
    '{"priority":"NaN"}',
  );
  const deadline = (seconds: bigint) =>
    textOf('k8s.io.api.core.v1.PodSpec', PodSpec.fromPartial({ activeDeadlineSeconds: seconds }));
  assert.equal(deadline(2n ** 53n - 1n), '{"containers":[],"activeDeadlineSeconds":9007199254740991}');
  assert.equal(deadline(2n ** 53n), '{"containers":[],"activeDeadlineSeconds":"9007199254740992"}');
});

test('toJson() tells an unset Kubernetes scalar from zero where Kubernetes does', () => {
  const spec = PodSpec.fromPartial({ hostNetwork: false, hostname: '', terminationGracePeriodSeconds: 0n });
  assert.equal(
    textOf('k8s.io.api.core.v1.PodSpec', spec),
    '{"containers":[],"terminationGracePeriodSeconds":0}',
  );
});

test('toJson() keeps the keys that Kubernetes keeps', () => {
  assert.equal(textOf('k8s.io.api.core.v1.Container', Container.create()), '{"name":"","resources":{}}');
  assert.equal(
    textOf('k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta', ObjectMeta.create()),
    '{"creationTimestamp":null}',
  );
  assert.equal(
    textOf('k8s.io.api.core.v1.ScaleIOVolumeSource', ScaleIOVolumeSource.create()),
    '{"gateway":"","system":"","secretRef":null}',
  );
});

test('toJson() merges inlined parts and writes the forms of Kubernetes', () => {
  const volume = Volume.fromPartial({
    name: 'v',
    volumeSource: { emptyDir: { sizeLimit: { string: '1Gi' } } },
  });
  assert.equal(textOf('k8s.io.api.core.v1.Volume', volume), '{"name":"v","emptyDir":{"sizeLimit":"1Gi"}}');
  const container = Container.fromPartial({
    name: 'c',
    livenessProbe: { handler: { httpGet: { port: { type: 1n, strVal: 'http' } } } },
    readinessProbe: { handler: { tcpSocket: { port: { type: 0n, intVal: 80 } } } },
    resources: { limits: new Map([['cpu', {}]]) },
  });
  assert.deepEqual(toJson('k8s.io.api.core.v1.Container', container), {
    name: 'c',
    livenessProbe: { httpGet: { port: 'http' } },
    readinessProbe: { tcpSocket: { port: 80 } },
    resources: { limits: { cpu: '0' } },
  });
});

test('toJson() names the place of FieldsV1 bytes that have no JSON form', () => {
  const meta = (raw: string) =>
    ObjectMeta.fromPartial({ managedFields: [{ fieldsV1: { Raw: Buffer.from(raw) } }] });
  const write = (raw: string) => textOf('k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta', meta(raw));
  assert.equal(write('{"f:a": {}}'), '{"creationTimestamp":null,"managedFields":[{"fieldsV1":{"f:a":{}}}]}');
  for (const raw of ['{', '5', '[]', 'null', '\uffff']) {
    assert.throws(
      () => write(raw),
      (error) => error instanceof JsonError && error.path === 'managedFields[0].fieldsV1',
      raw,
    );
  }
  assert.throws(
    () => write('{"a":'.repeat(50_000) + '1' + '}'.repeat(50_000)),
    /nested more than 100 levels deep/,
  );
});

test('toJson() carries no fields that the contract does not know', () => {
  const decoded = Queue.decode(Uint8Array.of(0x0a, 1, 0x61, 0xa2, 0x3f, 1, 0x62));
  assert.notDeepEqual(decoded._unknownFields, {});
  assert.equal(textOf('api.Queue', decoded), '{"name":"a"}');
});
