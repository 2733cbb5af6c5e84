import assert from 'node:assert/strict';
import { test } from 'node:test';
import { submissionSchema } from './config.ts';
import { podPolicyLevel } from './pod-policy.ts';
import { encodeItems } from './received.ts';
import { faultsOf } from './testing/pods.ts';
import { sampleRequest, sampleRules, sampleSpec } from './testing/sample.ts';
import { validateSubmit } from './validate.ts';

test('checkPodPolicy() adds to each fault which level it is of', () => {
  assert.deepEqual(faultsOf({ hostPID: true }, 'off'), []);
  assert.deepEqual(faultsOf({ hostPID: true }, 'baseline'), [
    'hostPID must not be true (pod policy: baseline)',
  ]);
  const both = { hostPID: true, securityContext: { runAsUser: 0n } };
  assert.deepEqual(faultsOf(both, 'restricted'), [
    'hostPID must not be true (pod policy: restricted)',
    'securityContext.runAsUser must not be 0 (pod policy: restricted)',
  ]);
});

test('podPolicyLevel() takes the first exception that fits queue and namespace', () => {
  const { podPolicy } = submissionSchema.parse({
    podPolicy: {
      exceptions: [
        { queues: ['infra-*'], namespaces: ['kube-system'], level: 'off' },
        { queues: ['infra-*', 'public'], level: 'restricted' },
        { namespaces: ['scratch-*'], level: 'off' },
      ],
    },
  });
  const levels = [
    ['infra-net', 'kube-system', 'off'],
    ['infra-net', 'default', 'restricted'],
    ['public', 'scratch-1', 'restricted'],
    ['queue-a', 'scratch-1', 'off'],
    ['queue-a', 'kube-system', 'baseline'],
    ['Infra-net', 'kube-system', 'baseline'],
  ] as const;
  for (const [queue, namespace, level] of levels)
    assert.equal(podPolicyLevel(podPolicy, queue, namespace), level, `${queue} in ${namespace}`);
});

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
