import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobSubmitRequest, JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { UndecodableError } from '../base/errors.ts';
import { decodeItem, decodeSubmit, encodeItems } from './received.ts';
import { sampleItem, sampleRequest, sampleSpec } from './testing/sample.ts';

const encode = (request: JobSubmitRequest): Uint8Array => JobSubmitRequest.encode(request).finish();

const request = sampleRequest(
  { clientId: 'a' },
  { podSpec: undefined, podSpecs: [sampleSpec({ hostname: 'older' })], clientId: 'b' },
);

test('decodeSubmit() leaves items as they were sent', () => {
  const { queue, jobSetId, items } = decodeSubmit(encode(request));
  assert.deepEqual({ queue, jobSetId }, { queue: request.queue, jobSetId: request.jobSetId });
  assert.deepEqual(
    items.map((bytes) => decodeItem(bytes).item),
    request.jobRequestItems,
  );
  assert.deepEqual(decodeSubmit(encode(sampleRequest())).items, []);
});

test('decodeSubmit() reads what cannot be walked over as decoding does', () => {
  const whole = encode(request);
  const endGroup = 0x0c;
  for (const end of [endGroup, 0]) {
    const bytes = Buffer.concat([whole, Buffer.of(end)]);
    assert.deepEqual(decodeSubmit(bytes), encodeItems(JobSubmitRequest.decode(bytes)));
  }
  assert.throws(() => decodeSubmit(whole.subarray(0, whole.length - 1)));
});

test('decodeItem() finds the bytes of the pod spec', () => {
  for (const item of request.jobRequestItems) {
    const received = decodeItem(JobSubmitRequestItem.encode(item).finish());
    assert.deepEqual(received.podSpec, item.podSpec ?? item.podSpecs[0]);
    assert.deepEqual(PodSpec.decode(received.podSpecBytes), received.podSpec);
  }
  const without = decodeItem(JobSubmitRequestItem.encode(sampleItem({ podSpec: undefined })).finish());
  assert.deepEqual([without.podSpec, without.podSpecBytes.length], [undefined, 0]);
});

test('decodeItem() takes the pod spec that decoding takes when one is sent twice', () => {
  const twice = ['one', 'two'].map((hostname) =>
    JobSubmitRequestItem.encode(sampleItem({ podSpec: sampleSpec({ hostname }) })).finish(),
  );
  const { podSpec, podSpecBytes } = decodeItem(Buffer.concat(twice));
  assert.equal(podSpec?.hostname, 'two');
  assert.deepEqual(PodSpec.decode(podSpecBytes), podSpec);
});

test('decodeItem() says that bytes are no item', () => {
  assert.throws(() => decodeItem(Buffer.of(0x0a)), UndecodableError);
});
