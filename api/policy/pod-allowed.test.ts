import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeMessage } from '../json/descriptors.ts';
import { PodSpec } from '../generated/proto/k8s/io/api/core/v1/core.ts';
import type { AllowedNames } from './pod-allowed.ts';
import { CORE, faultsOfPod, placesOf } from './testing/pods.ts';

function fieldsOf(spec: object, allowed: AllowedNames): string[] {
  const faults = faultsOfPod({ spec: PodSpec.fromPartial(spec) }, 'off', allowed);
  return faults.map((fault) => fault.split(' ', 1)[0] ?? '');
}

test('names are limited by kind, whatever the level, and a kind without a list is not', () => {
  assert.deepEqual(faultsOfPod({ namespace: 'a', priorityClass: 'b' }, 'off', {}), []);
  const allowed = { namespaces: ['team-*'], priorityClasses: ['low'] };
  assert.deepEqual(faultsOfPod({ namespace: 'a', priorityClass: 'b' }, 'off', allowed), [
    'namespace must be one of team-*, got "a" (pod policy: allowed)',
    'priorityClassName must be one of low, got "b" (pod policy: allowed)',
  ]);
  assert.deepEqual(faultsOfPod({ namespace: 'team-', priorityClass: 'low' }, 'off', allowed), []);
});

test('a pod without a service account has the default one; the older field counts too', () => {
  const only = { serviceAccounts: ['runner'] };
  assert.deepEqual(fieldsOf({}, only), ['serviceAccountName']);
  assert.deepEqual(fieldsOf({}, { serviceAccounts: ['default'] }), []);
  assert.deepEqual(fieldsOf({ serviceAccountName: 'runner' }, only), []);
  assert.deepEqual(fieldsOf({ serviceAccount: 'runner' }, only), []);
  assert.deepEqual(fieldsOf({ serviceAccount: 'admin' }, only), ['serviceAccountName', 'serviceAccount']);
  assert.deepEqual(fieldsOf({ serviceAccountName: 'runner', serviceAccount: 'admin' }, only), [
    'serviceAccount',
  ]);
});

test('images are judged wherever the schema lets a pod name one', () => {
  const imageRegistries = ['registry.example.com'];
  const places = [
    ...placesOf('Container', 'image'),
    ...placesOf('EphemeralContainerCommon', 'image'),
    ...placesOf('ImageVolumeSource', 'reference'),
  ];
  assert.equal(places.length, 4, 'three kinds of container, and volumes');
  for (const { field, specWith } of places) {
    assert.deepEqual(fieldsOf(specWith('evil.example.org/x'), { imageRegistries }), [field]);
    assert.deepEqual(fieldsOf(specWith(''), { imageRegistries }), [field]);
    assert.deepEqual(fieldsOf(specWith('registry.example.com/x'), { imageRegistries }), [], field);
  }
  const named = describeMessage(`${CORE}PodSpec`).fields.filter(({ name }) => /account|image/i.test(name));
  assert.deepEqual(
    named.map(({ name }) => name),
    ['serviceAccountName', 'serviceAccount', 'imagePullSecrets', 'automountServiceAccountToken'],
    'a new field that names accounts or images must be judged first',
  );
});
