import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type PodPolicy, podRuleOf } from './pod-policy.ts';
import { faultsOf } from './testing/pods.ts';

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

const ALL = ['*'];

test('podRuleOf() takes the first exception that fits queue and namespace, and from the policy what it leaves out', () => {
  const allowed = { namespaces: ['default'] };
  const others = { serviceAccounts: ['runner'] };
  const policy: PodPolicy = {
    level: 'baseline',
    allowed,
    exceptions: [
      { queues: ['infra-*'], namespaces: ['kube-system'], level: 'off' },
      { queues: ['infra-*', 'public'], namespaces: ALL, level: 'restricted', allowed: others },
      { queues: ALL, namespaces: ['scratch-*'], allowed: {} },
    ],
  };
  const rules = [
    ['infra-net', 'kube-system', 'off', allowed],
    ['infra-net', 'default', 'restricted', others],
    ['public', 'scratch-1', 'restricted', others],
    ['queue-a', 'scratch-1', 'baseline', {}],
    ['queue-a', 'kube-system', 'baseline', allowed],
    ['Infra-net', 'kube-system', 'baseline', allowed],
  ] as const;
  for (const [queue, namespace, ...expected] of rules) {
    const rule = podRuleOf(policy, queue, namespace);
    assert.deepEqual([rule.level, rule.allowed], expected, `${queue} in ${namespace}`);
  }
});
