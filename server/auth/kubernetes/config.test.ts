import assert from 'node:assert/strict';
import { test } from 'node:test';
import { kubernetesSchema } from './config.ts';

test('kubernetesSchema refuses what would not be safe, or says nothing', () => {
  const audiences = ['armada'];
  const isTaken = (settings: object) => kubernetesSchema.safeParse({ audiences, ...settings }).success;
  assert.ok(isTaken({}));
  assert.ok(isTaken({ server: 'https://10.0.0.1:6443/k8s/clusters/one' }));
  for (const wrong of [
    { audiences: undefined },
    { audiences: [] },
    { audiences: [''] },
    { server: 'http://127.0.0.1' },
    { server: '127.0.0.1:6443' },
    { server: 'https://a:b@host' },
    { server: 'https://host/?x' },
    { cacheMs: 0 },
    { userNameSuffix: '\n' },
  ])
    assert.ok(!isTaken(wrong), JSON.stringify(wrong));
});
