import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobSubmitRequest, JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { decodeSubmit, encodedItemsOf } from './received.ts';
import { sampleItem, sampleRequest, sampleSpec } from './testing/sample.ts';

const encode = (request: JobSubmitRequest): Uint8Array => JobSubmitRequest.encode(request).finish();

test('decodeSubmit() keeps each item and its pod spec as they were sent', () => {
  const older = { podSpec: undefined, podSpecs: [sampleSpec({ hostname: 'older' })], clientId: 'b' };
  const request = sampleRequest({ clientId: 'a' }, older);
  const received = decodeSubmit(encode(request));
  const items = encodedItemsOf(received);
  assert.deepEqual(received.jobRequestItems, request.jobRequestItems);
  assert.deepEqual(
    items.map(({ bytes }) => JobSubmitRequestItem.decode(bytes)),
    request.jobRequestItems,
  );
  assert.deepEqual(
    items.map(({ podSpec }) => PodSpec.decode(podSpec)),
    [request.jobRequestItems[0]!.podSpec, request.jobRequestItems[1]!.podSpecs[0]],
  );
});

test('decodeSubmit() keeps the pod spec that decoding keeps when one is sent twice', () => {
  const [first, second] = ['one', 'two'].map((hostname) =>
    JobSubmitRequestItem.encode(sampleItem({ podSpec: sampleSpec({ hostname }) })).finish(),
  );
  const item = Buffer.concat([first!, second!]);
  const received = decodeSubmit(Buffer.concat([Buffer.of(0x1a, ...varint(item.length)), item]));
  const [encoded] = encodedItemsOf(received);
  assert.equal(received.jobRequestItems[0]?.podSpec?.hostname, 'two');
  assert.deepEqual(PodSpec.decode(encoded!.podSpec), received.jobRequestItems[0]?.podSpec);
});

test('decodeSubmit() encodes anew what it cannot walk over, so that bytes and items agree', () => {
  const whole = encode(sampleRequest({ clientId: 'a' }, { clientId: 'b' }));
  const endGroup = 0x0c;
  for (const bytes of [Buffer.concat([whole, Buffer.of(endGroup)]), Buffer.concat([whole, Buffer.of(0)])]) {
    const received = decodeSubmit(bytes);
    assert.deepEqual(
      encodedItemsOf(received).map(({ bytes: item }) => JobSubmitRequestItem.decode(item)),
      received.jobRequestItems,
    );
  }
});

test('encodedItemsOf() encodes the items of a request that did not come over the wire', () => {
  const request = sampleRequest({ podSpec: undefined }, {});
  const items = encodedItemsOf(request);
  assert.deepEqual(JobSubmitRequestItem.decode(items[1]!.bytes), request.jobRequestItems[1]);
  assert.equal(items[0]!.podSpec.length, 0);
});

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}
