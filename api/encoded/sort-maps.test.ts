import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeMessage } from '@armada-ts/api/descriptors';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { sortMaps } from './sort-maps.ts';

type Parts = Record<string, unknown>;

function sortedBytes(item: JobSubmitRequestItem): Buffer {
  const bytes = Buffer.from(JobSubmitRequestItem.encode(item).finish());
  sortMaps(bytes, 0, bytes.length);
  return bytes;
}

/** For every map at any depth of a message: its path, and the message with these keys in it and nothing else. */
function* mapsOf(typeName: string): Generator<{ path: string; withKeys: (keys: string[]) => Parts }> {
  for (const { name, label, type, typeName: part } of describeMessage(typeName).fields) {
    if (label === 'map') {
      const value = type === 'message' ? { string: '1' } : 'value';
      yield { path: name, withKeys: (keys) => ({ [name]: new Map(keys.map((key) => [key, value])) }) };
    } else if (type === 'message') {
      for (const { path, withKeys } of mapsOf(part)) {
        const wrap = (inner: Parts): Parts => ({ [name]: label === 'list' ? [inner] : inner });
        yield { path: `${name}.${path}`, withKeys: (keys) => wrap(withKeys(keys)) };
      }
    }
  }
}

test('sortMaps() makes one of all orders of every map there is', () => {
  const maps = [...mapsOf('api.JobSubmitRequestItem')];
  assert.ok(maps.some(({ path }) => path === 'podSpec.containers.resources.limits'));
  for (const { path, withKeys } of maps) {
    const items = [
      ['a', 'bb', 'c'],
      ['c', 'a', 'bb'],
      ['bb', 'c', 'a'],
    ].map((keys) => JobSubmitRequestItem.fromPartial(withKeys(keys)));
    const [first, ...others] = items.map(sortedBytes);
    for (const other of others) assert.deepEqual(other, first, path);
    assert.deepEqual(JobSubmitRequestItem.decode(first!), items[0], path);
  }
});

test('sortMaps() keeps lists in their order', () => {
  const args = ['b', 'a', 'c'];
  const item = JobSubmitRequestItem.fromPartial({
    podSpec: { containers: [{ args, env: args.map((name) => ({ name })) }] },
  });
  assert.deepEqual(JobSubmitRequestItem.decode(sortedBytes(item)), item);
});

test('sortMaps() throws at nothing, wherever the bytes end', () => {
  const labels = new Map([
    ['b', '1'],
    ['a', '2'],
  ]);
  const item = JobSubmitRequestItem.encode(
    JobSubmitRequestItem.fromPartial({ labels, namespace: 'default' }),
  ).finish();
  for (let length = 0; length < item.length; length++) {
    const bytes = Buffer.from(item.subarray(0, length));
    sortMaps(bytes, 0, length);
    assert.deepEqual(bytes.toSorted(), item.subarray(0, length).toSorted());
  }
});
