import assert from 'node:assert/strict';
import { test } from 'node:test';
import { objectOf } from './audit-object.ts';

test('a secret in the place of a name is told without what makes it one', () => {
  const swapped = { accessKey: 'armada-secret-q1-W2_e3', secret: 'armada-key-a' };
  assert.deepEqual(objectOf(swapped), { accessKey: 'armada-secret-...' });
  assert.deepEqual(objectOf({ jobIds: ['Bearer armada-operator-x'] }), {
    jobIds: ['Bearer armada-operator-...'],
  });
  assert.deepEqual(objectOf({ name: 'armada-secret' }), { name: 'armada-secret' });
});
