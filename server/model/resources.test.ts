import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addResources, fits, parseAmount, printAmount, raiseResources, resourcesOf } from './resources.ts';

test('parseAmount() remembers texts apart by unit and rounding', () => {
  assert.deepEqual(parseAmount('cpu', '1500m', 'up'), { ok: true, value: 1500 });
  assert.deepEqual(parseAmount('memory', '1500m', 'up'), { ok: true, value: 2 });
  assert.deepEqual(parseAmount('memory', '1500m', 'down'), { ok: true, value: 1 });
  assert.equal(parseAmount('memory', 'lots', 'down').ok, false);
  for (let i = 0; i < 5000; i++) parseAmount('memory', `${i}`, 'up');
  assert.deepEqual(parseAmount('memory', '1500m', 'up'), { ok: true, value: 2 });
});

test('resourcesOf() lets unreadable requests fit nowhere and unreadable capacity hold nothing', () => {
  const list = new Map([
    ['cpu', { string: '-1' }],
    ['memory', {}],
    ['nvidia.com/gpu', { string: '2' }],
  ]);
  const requested = resourcesOf(list, 'up');
  assert.equal(requested.get('cpu'), Number.MAX_SAFE_INTEGER);
  assert.equal(requested.get('memory'), Number.MAX_SAFE_INTEGER);
  assert.equal(requested.get('nvidia.com/gpu'), 2);
  assert.deepEqual([...resourcesOf(list, 'down').values()], [0, 0, 2]);
});

test('addResources() and raiseResources() work resource by resource, and addition does not overflow', () => {
  const sum = new Map([['cpu', 1000]]);
  addResources(
    sum,
    new Map([
      ['cpu', 500],
      ['memory', 7],
    ]),
  );
  assert.deepEqual(
    [...sum],
    [
      ['cpu', 1500],
      ['memory', 7],
    ],
  );
  raiseResources(
    sum,
    new Map([
      ['cpu', 10],
      ['memory', 9],
    ]),
  );
  assert.deepEqual(
    [...sum],
    [
      ['cpu', 1500],
      ['memory', 9],
    ],
  );
  addResources(sum, new Map([['memory', Number.MAX_SAFE_INTEGER]]));
  assert.equal(sum.get('memory'), Number.MAX_SAFE_INTEGER);
});

test('fits() asks every resource, and 0 of something unknown fits', () => {
  const node = new Map([
    ['cpu', 1000],
    ['memory', 100],
  ]);
  assert.equal(
    fits(
      new Map([
        ['cpu', 1000],
        ['nvidia.com/gpu', 0],
      ]),
      node,
    ),
    true,
  );
  assert.equal(fits(new Map([['cpu', 1001]]), node), false);
  assert.equal(fits(new Map([['nvidia.com/gpu', 1]]), node), false);
});

test('printAmount() prints as Kubernetes does', () => {
  assert.equal(printAmount('cpu', 250), '250m');
  assert.equal(printAmount('memory', 3 * 2 ** 20), '3Mi');
  assert.equal(printAmount('nvidia.com/gpu', 1024), '1024');
});
