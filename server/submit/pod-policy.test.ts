import assert from 'node:assert/strict';
import { test } from 'node:test';
import { submissionSchema } from './config.ts';
import { encodeItems } from './received.ts';
import { sampleContainer, sampleRequest, sampleRules, sampleSpec } from './testing/sample.ts';
import { validateSubmit } from './validate.ts';

test('validateSubmit() holds jobs to the policy of their queue and namespace', () => {
  const privileged = { hostNetwork: true };
  const refused = (changes: object, item: object) => {
    const request = encodeItems({ ...sampleRequest(item), ...changes });
    const podPolicy = { exceptions: [{ queues: ['ops'], namespaces: ['default'], level: 'off' as const }] };
    return validateSubmit(request, sampleRules({ podPolicy })).faults.map(({ field }) => field);
  };
  const item = { podSpec: sampleSpec(privileged) };
  assert.deepEqual(refused({}, item), ['job_request_items[0].pod_spec.hostNetwork']);
  const older = { podSpec: undefined, podSpecs: [sampleSpec(privileged)] };
  assert.deepEqual(refused({}, older), ['job_request_items[0].pod_specs[0].hostNetwork']);
  assert.deepEqual(refused({ queue: 'ops' }, item), []);
  assert.deepEqual(refused({ queue: 'ops' }, { ...item, namespace: '' }), []);
  assert.deepEqual(refused({ queue: 'ops' }, { ...item, namespace: 'other' }), [
    'job_request_items[0].pod_spec.hostNetwork',
  ]);
});

test('validateSubmit() takes only allowed names, those that it would fill in among them', () => {
  const podPolicy = {
    allowed: { namespaces: ['team-a', 'team-a-*'], priorityClasses: ['armada-preemptible'] },
    exceptions: [{ queues: ['ops'], allowed: { imageRegistries: ['registry.example.com'] } }],
  };
  const refused = (queue: string, item: object, spec: object = {}) => {
    const request = encodeItems({ ...sampleRequest({ podSpec: sampleSpec(spec), ...item }), queue });
    const { faults } = validateSubmit(request, sampleRules({ podPolicy }));
    return faults.map(({ field, message }) => `${field.replace('job_request_items[0].', '')} ${message}`);
  };
  assert.deepEqual(refused('queue-a', { namespace: '' }), [
    'namespace must be one of team-a, team-a-*, got "default" (pod policy: allowed)',
    'pod_spec.priorityClassName must be one of armada-preemptible, got "armada-default" (pod policy: allowed)',
  ]);
  const spec = { priorityClassName: 'armada-preemptible' };
  assert.deepEqual(refused('queue-a', { namespace: 'team-a-2' }, spec), []);
  const containers = [{ ...sampleContainer(), image: 'registry.example.com.evil.org/alpine:3' }];
  assert.deepEqual(refused('ops', {}, { containers }), [
    'pod_spec.containers[0].image must be from one of registry.example.com, got "registry.example.com.evil.org/alpine:3" (pod policy: allowed)',
  ]);
  assert.deepEqual(
    refused('ops', {}, { containers: [{ ...sampleContainer(), image: 'registry.example.com/a/b:3' }] }),
    [],
  );
});

test('the configuration refuses kinds of names that there are not, and lists without a name', () => {
  for (const allowed of [{ nodes: ['a'] }, { namespaces: [] }, { namespaces: 'a' }])
    assert.throws(() => submissionSchema.parse({ podPolicy: { allowed } }), JSON.stringify(allowed));
});
