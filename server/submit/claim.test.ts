import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import fc from 'fast-check';
import { claimHash } from './claim.ts';
import { quantities, sampleItem, sampleSpec } from './testing/sample.ts';

const amounts = { cpu: '1', memory: '1Gi', 'nvidia.com/gpu': '1' };

/** The same item with every map in the given order. */
function item(order: readonly number[]): JobSubmitRequestItem {
  const shuffled = <V>(entries: [string, V][]) => new Map(order.map((i) => entries[i % entries.length]!));
  const text: [string, string][] = [
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
  ];
  const list = shuffled([...quantities(amounts)]);
  return sampleItem({
    labels: shuffled(text),
    annotations: shuffled(text),
    podSpec: sampleSpec({
      nodeSelector: shuffled(text),
      containers: [{ name: 'main', resources: { requests: list, limits: list } }],
    }),
    ingress: [{ ports: [80], annotations: shuffled(text) }],
  });
}

function hashOf(one: JobSubmitRequestItem, jobSet = 'set'): Buffer {
  return claimHash(jobSet, JobSubmitRequestItem.encode(one).finish());
}

test('claimHash() does not depend on the order of maps, at any depth', () => {
  const expected = hashOf(item([0, 1, 2]));
  fc.assert(
    fc.property(fc.shuffledSubarray([0, 1, 2], { minLength: 3 }), (order) => {
      assert.deepEqual(hashOf(item(order)), expected);
    }),
  );
});

test('claimHash() depends on everything else', () => {
  const items = [
    sampleItem(),
    sampleItem({ priority: 1 }),
    sampleItem({ clientId: 'c' }),
    sampleItem({ labels: new Map([['a', '1']]) }),
    sampleItem({ annotations: new Map([['a', '1']]) }),
    { ...sampleItem(), _unknownFields: { [(99 << 3) | 0]: [Uint8Array.of(1)] } },
  ];
  const hashes = new Set(
    [...items.map((one) => hashOf(one)), hashOf(items[0]!, 'set2')].map((one) => one.toString('hex')),
  );
  assert.equal(hashes.size, items.length + 1);
  assert.equal(hashOf(items[0]!).length, 16);
});
