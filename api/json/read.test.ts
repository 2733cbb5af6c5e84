import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PodSpec } from '../generated/proto/k8s/io/api/core/v1/core.ts';
import { JobSubmitRequest } from '../generated/proto/api/submit.ts';
import { fromJson, JsonError, type MessageName, type ReadOptions } from './codec.ts';

const strict: ReadOptions = { unknown: 'error' };
const lenient: ReadOptions = { unknown: 'ignore' };
const podSpec = 'k8s.io.api.core.v1.PodSpec';

test('fromJson() reads a pod spec in the form of Kubernetes', () => {
  const read = fromJson(
    podSpec,
    {
      terminationGracePeriodSeconds: 0,
      restartPolicy: 'Never',
      nodeSelector: { zone: 'a' },
      containers: [
        {
          name: 'main',
          image: 'alpine:3.22',
          command: ['sh', '-c'],
          env: [{ name: 'HOST', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }],
          resources: {
            limits: { cpu: 0.2, memory: '1.5Gi' },
            requests: { cpu: '200m', 'nvidia.com/gpu': 1 },
          },
          readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 2 },
          livenessProbe: { httpGet: { port: 'http', path: '/' } },
        },
      ],
      volumes: [
        { name: 'scratch', emptyDir: { sizeLimit: '1Gi' } },
        { name: 'settings', configMap: { name: 'app', items: [{ key: 'a', path: 'b', mode: 0o600 }] } },
      ],
    },
    strict,
  );
  const quantity = (string: string) => ({ string });
  assert.deepEqual(
    read,
    PodSpec.fromPartial({
      terminationGracePeriodSeconds: 0n,
      restartPolicy: 'Never',
      nodeSelector: new Map([['zone', 'a']]),
      containers: [
        {
          name: 'main',
          image: 'alpine:3.22',
          command: ['sh', '-c'],
          env: [{ name: 'HOST', valueFrom: { fieldRef: { fieldPath: 'status.hostIP' } } }],
          resources: {
            limits: new Map([
              ['cpu', quantity('0.2')],
              ['memory', quantity('1.5Gi')],
            ]),
            requests: new Map([
              ['cpu', quantity('200m')],
              ['nvidia.com/gpu', quantity('1')],
            ]),
          },
          readinessProbe: { handler: { tcpSocket: { port: { type: 0n, intVal: 8080 } } }, periodSeconds: 2 },
          livenessProbe: { handler: { httpGet: { port: { type: 1n, strVal: 'http' }, path: '/' } } },
        },
      ],
      volumes: [
        { name: 'scratch', volumeSource: { emptyDir: { sizeLimit: quantity('1Gi') } } },
        {
          name: 'settings',
          volumeSource: {
            configMap: {
              localObjectReference: { name: 'app' },
              items: [{ key: 'a', path: 'b', mode: 0o600 }],
            },
          },
        },
      ],
    }),
  );
});

test('fromJson() takes keys by JSON name, proto name and in any case, the most exact one first', () => {
  const read = (json: object) => fromJson('api.JobSubmitRequest', json, strict).jobSetId;
  assert.equal(read({ jobSetId: 'a' }), 'a');
  assert.equal(read({ job_set_id: 'a' }), 'a');
  assert.equal(read({ JOBSETID: 'a' }), 'a');
  assert.equal(read({ JobSetId: 'c', job_set_id: 'b', jobSetId: 'a' }), 'a');
  assert.equal(read({ jobSetId: 'a', job_set_id: 'b', JobSetId: 'c' }), 'a');
  assert.equal(read({ JobSetId: 'c', job_set_id: 'b' }), 'b');
  assert.equal(read({ job_set_id: 'b', JobSetId: 'c' }), 'b');
});

test('fromJson() leaves a field unset for null and gives defaults for all that is missing', () => {
  const read = fromJson('api.JobSubmitRequest', { queue: null, jobRequestItems: null }, strict);
  assert.deepEqual(read, JobSubmitRequest.create());
});

test('fromJson() names an unknown key by its path, with the names it may have meant', () => {
  const job = { podSpec: { containers: [{ name: 'a', resource: {}, imgae: 'b' }] } };
  const json = { queue: 'q', jobRequestItems: [{}, job], xyzzy: 1 };
  assert.deepEqual(faultsOf('api.JobSubmitRequest', json), [
    ['jobRequestItems[1].podSpec.containers[0].resource', 'unknown key; did you mean "resources"?'],
    ['jobRequestItems[1].podSpec.containers[0].imgae', 'unknown key; did you mean "image"?'],
    ['xyzzy', 'unknown key'],
  ]);
  const read = fromJson('api.JobSubmitRequest', json, lenient);
  assert.equal(read.jobRequestItems[1]?.podSpec?.containers[0]?.name, 'a');
});

test('fromJson() tells of each wrong value what was expected and what is there', () => {
  const whole = (min: string, max: string) => `expected a whole number from ${min} to ${max}`;
  const int32 = whole('-2147483648', '2147483647');
  const int64 = whole('-9223372036854775808', '9223372036854775807');
  const quantity = 'expected a quantity such as 2, "500m" or "1.5Gi"';
  const container = {
    name: 5,
    args: 'sleep 1',
    env: [null, { name: 'a', value: true }],
    ports: [{ containerPort: '80' }, { containerPort: 8e9 }, { containerPort: 1.5 }],
    resources: { limits: { cpu: '1 core', 'nvidia.com/gpu': 'two' } },
    stdin: 'yes',
    readinessProbe: { tcpSocket: { port: 80.5 } },
  };
  const faults = faultsOf(podSpec, {
    containers: [container],
    nodeSelector: ['a'],
    activeDeadlineSeconds: '1h',
  });
  assert.deepEqual(faults, [
    ['containers[0].name', 'expected text (in quotes), got 5'],
    ['containers[0].args', 'expected a list, got "sleep 1"'],
    ['containers[0].env[0]', 'expected an object, got null'],
    ['containers[0].env[1].value', 'expected text (in quotes), got true'],
    ['containers[0].ports[0].containerPort', `${int32}, got "80"`],
    ['containers[0].ports[1].containerPort', `${int32}, got 8000000000`],
    ['containers[0].ports[2].containerPort', `${int32}, got 1.5`],
    ['containers[0].resources.limits.cpu', `${quantity}, got "1 core"`],
    ['containers[0].resources.limits["nvidia.com/gpu"]', `${quantity}, got "two"`],
    ['containers[0].stdin', 'expected true or false, got "yes"'],
    ['containers[0].readinessProbe.tcpSocket.port', 'expected a whole number (32 bits) or text, got 80.5'],
    ['nodeSelector', 'expected an object, got a list'],
    ['activeDeadlineSeconds', `${int64}, got "1h"`],
  ]);
});

test('fromJson() refuses a root that is no object, at the empty path', () => {
  for (const [json, shown] of [
    [null, 'null'],
    ['a', '"a"'],
    [[], 'a list'],
  ] as const) {
    assert.deepEqual(faultsOf('api.Queue', json), [['', `expected an object, got ${shown}`]]);
  }
});

test('fromJson() lists 20 faults and says when there are more', () => {
  const items = (count: number) => ({
    jobRequestItems: Array.from({ length: count }, () => ({ priority: 'high' })),
  });
  assert.equal(errorOf('api.JobSubmitRequest', items(20)).isCut, false);
  const error = errorOf('api.JobSubmitRequest', items(21));
  assert.equal(error.isCut, true);
  assert.equal(error.faults.length, 20);
  assert.equal(error.path, 'jobRequestItems[0].priority');
  assert.match(error.message, /^jobRequestItems\[0\]\.priority: expected a number, got "high"\n/);
  assert.match(error.message, /\nthere are more faults, not listed here$/);
});

test('fromJson() stops at 100 levels, without touching the stack', () => {
  let deep: object = {};
  for (let level = 0; level < 100_000; level++) deep = { f: deep };
  const managed = (fieldsV1: object) => ({ managedFields: [{ fieldsV1 }] });
  const meta = 'k8s.io.apimachinery.pkg.apis.meta.v1.ObjectMeta';
  const error = errorOf(meta, managed(deep));
  assert.equal(error.faults[0]?.message, 'nested more than 100 levels deep');
  assert.ok(error.path.startsWith('managedFields[0].fieldsV1.f.f.f'), error.path);
  assert.deepEqual(faultsOf(meta, { annotations: deep }), [
    ['annotations.f', 'expected text, got an object'],
  ]);
  assert.equal(fromJson(meta, { whatever: deep, name: 'a' }, lenient).name, 'a');
});

test('fromJson() treats __proto__ as the key that it is', () => {
  const json = JSON.parse('{"labels": {"__proto__": "a", "constructor": "b"}}');
  assert.deepEqual(
    fromJson('api.Queue', json, strict).labels,
    new Map([
      ['__proto__', 'a'],
      ['constructor', 'b'],
    ]),
  );
  const polluting = JSON.parse('{"__proto__": {"name": "evil"}, "constructor": 1, "toString": 1}');
  assert.deepEqual(faultsOf('api.Queue', polluting), [
    ['__proto__', 'unknown key'],
    ['constructor', 'unknown key'],
    ['toString', 'unknown key'],
  ]);
  assert.equal(fromJson('api.Queue', polluting, lenient).name, '');
  assert.equal(({} as { name?: string }).name, undefined);
});

test('fromJson() keeps 64-bit integers exact or refuses them', () => {
  const read = (value: unknown) =>
    fromJson(podSpec, { activeDeadlineSeconds: value }, strict).activeDeadlineSeconds;
  assert.equal(read(9007199254740991), 9007199254740991n);
  assert.equal(read('9223372036854775807'), 9223372036854775807n);
  assert.equal(read('-9223372036854775808'), -9223372036854775808n);
  const range = 'expected a whole number from -9223372036854775808 to 9223372036854775807';
  const message = (value: unknown) => faultsOf(podSpec, { activeDeadlineSeconds: value })[0]?.[1];
  assert.equal(message('9223372036854775808'), `${range}, got "9223372036854775808"`);
  assert.equal(
    message(JSON.parse('9007199254740993')),
    `${range}, in quotes from 9007199254740992 on, got 9007199254740992`,
  );
  assert.equal(message('0x10'), `${range}, got "0x10"`);
  assert.equal(message(JSON.parse('1e400')), `${range}, got Infinity`);
});

test('fromJson() refuses negative numbers where there are none, and drops the sign of zero', () => {
  const read = (value: unknown) =>
    fromJson('api.JobUtilisationEvent', { podNumber: value }, strict).podNumber;
  assert.equal(read(JSON.parse('-0')), 0);
  assert.equal(read(-1), -1);
  assert.deepEqual(faultsOf('armadaevents.SubmitJob', { priority: -1 }), [
    ['priority', 'expected a whole number from 0 to 4294967295, got -1'],
  ]);
  for (const [offset, shown] of [
    [-1, '-1'],
    ['-1', '"-1"'],
  ]) {
    assert.deepEqual(faultsOf('armada.executor.v1.LogChunk', { offset }), [
      ['offset', `expected a whole number from 0 to 18446744073709551615, got ${shown}`],
    ]);
  }
});

test('fromJson() takes NaN and infinities as text only', () => {
  const read = (priority: unknown) => fromJson('api.JobSubmitRequestItem', { priority }, strict).priority;
  assert.equal(read('Infinity'), Number.POSITIVE_INFINITY);
  assert.equal(read('NaN'), Number.NaN);
  assert.throws(() => read(JSON.parse('1e400')), /priority: expected a number, got Infinity/);
  assert.throws(() => read('1.5'), /priority: expected a number, got "1\.5"/);
});

test('fromJson() takes enum values by full name, short name and number', () => {
  const action = (value: unknown) => fromJson('api.RetryRule', { action: value }, strict).action;
  for (const value of ['RETRY_ACTION_FAIL', 'Fail', 'fail', 1]) assert.equal(action(value), 1, String(value));
  const expected = /^JsonError: action: expected one of "Unspecified", "Fail", "Retry", got /;
  for (const value of ['Fial', 7, 1.5, '1', null, []]) {
    if (value === null) assert.equal(action(value), 0);
    else assert.throws(() => action(value), expected, String(value));
  }
  assert.equal(fromJson('api.RetryRule', { action: 7 }, lenient).action, 7);
  assert.throws(() => fromJson('api.RetryRule', { action: 'Later' }, lenient), expected);
});

test('fromJson() takes the members of a oneof flat, wrapped where Go wraps them, and one only', () => {
  const event = fromJson('api.EventMessage', { running: { jobId: 'a' } }, strict).events;
  assert.equal(event?.$case, 'running');
  for (const json of [
    { Event: { queue: { name: 'a' } } },
    { event: { queue: { name: 'a' } } },
    { queue: { name: 'a' } },
  ]) {
    const message = fromJson('api.StreamingQueueMessage', json, strict).event;
    assert.equal(message?.$case === 'queue' && message.value.name, 'a');
  }
  assert.deepEqual(faultsOf('api.StreamingQueueMessage', { Event: { queue: {}, end: {}, start: {} } }), [
    ['Event.end', 'only one of these keys may be given: queue, end'],
    ['Event.start', 'unknown key'],
  ]);
});

test('fromJson() refuses integer keys that are not in their plain form', () => {
  const json = { ingressAddresses: { 0: 'a', '-3': 'b', '01': 'c', a: 'd', 3000000000: 'e', '': 'f' } };
  assert.deepEqual(
    faultsOf('api.JobIngressInfoEvent', json).map(([path]) => path),
    [
      'ingressAddresses["3000000000"]',
      'ingressAddresses["01"]',
      'ingressAddresses.a',
      'ingressAddresses[""]',
    ],
  );
});

test('fromJson() shows hostile text short and without control characters', () => {
  const json = { ['\u001b[2J\u202e'.repeat(30)]: 1, name: ['\u009b'], priorityFactor: '\u001b]0;x\u0007' };
  const { message } = errorOf('api.Queue', json);
  assert.doesNotMatch(message.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
  assert.ok(message.length < 700, message);
});

test('fromJson() refuses text that is no Unicode', () => {
  assert.deepEqual(faultsOf('api.Queue', { name: '\ud800', labels: { '\udc00': 'a' } }), [
    ['name', 'expected text, got half of a surrogate pair in it'],
    ['labels["\\udc00"]', 'half of a surrogate pair in the key'],
  ]);
});

test('fromJson() reads base64 and refuses what only looks like it', () => {
  const read = (value: unknown) => fromJson('google.protobuf.Any', { type_url: 'a/b', value }, strict).value;
  assert.deepEqual(read('AAECAw=='), Buffer.from([0, 1, 2, 3]));
  for (const text of ['AAECAw', 'AA-_', '====', 'AA\n==', 5])
    assert.throws(() => read(text), JsonError, String(text));
});

test('fromJson() does not slow down with the number of spellings of a key', () => {
  const json: Record<string, string> = {};
  for (let spelling = 0; spelling < 2 ** 15; spelling++) {
    const letters = 'terminationmessagepath'.split('');
    json[letters.map((letter, at) => (spelling & (1 << at) ? letter.toUpperCase() : letter)).join('')] = 'a';
  }
  const startedAt = performance.now();
  assert.equal(fromJson('k8s.io.api.core.v1.Container', json, strict).terminationMessagePath, 'a');
  assert.ok(performance.now() - startedAt < 1000);
});

function errorOf(typeName: MessageName, json: unknown): JsonError {
  try {
    fromJson(typeName, json, strict);
  } catch (error) {
    assert.ok(error instanceof JsonError);
    return error;
  }
  throw new assert.AssertionError({ message: 'no fault was found' });
}

function faultsOf(typeName: MessageName, json: unknown): [path: string, message: string][] {
  return errorOf(typeName, json).faults.map(({ path, message }) => [path, message]);
}
