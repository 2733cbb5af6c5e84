import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import fc from 'fast-check';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { appendWithin, cutWithin, messageField } from './splice.ts';

test('appendWithin() adds where it is told, whatever the sizes', () => {
  const texts = fc.string({ maxLength: 300 });
  fc.assert(
    fc.property(texts, texts, fc.integer({ min: 0, max: 2 ** 31 }), texts, (name, note, priority, added) => {
      const spec = SubmitJob.fromPartial({
        jobId: 'id',
        priority,
        objectMeta: { name, annotations: new Map([['note', note]]) },
      });
      const { objectMeta } = SubmitJob.fromPartial({
        objectMeta: { annotations: new Map([['added', added]]) },
      });
      const addition = SubmitJob.encode(SubmitJob.fromPartial({ objectMeta: objectMeta! })).finish();
      // Behind the tag and the length of the field that it is in.
      const entry = addition.subarray(addition.length > 129 ? 3 : 2);
      const decoded = SubmitJob.decode(appendWithin(SubmitJob.encode(spec).finish(), [4], entry));
      spec.objectMeta?.annotations.set('added', added);
      assert.deepEqual(decoded, spec);
    }),
    { numRuns: 200 },
  );
});

test('appendWithin() leaves a message alone that has no such part', () => {
  const bytes = SubmitJob.encode(SubmitJob.create({ jobId: 'id' })).finish();
  assert.equal(appendWithin(bytes, [4], Buffer.from('x')), bytes);
});

test('appendWithin() adds to the last of several', () => {
  const first = messageField(4, Buffer.from([1]));
  const last = messageField(4, Buffer.from([8, 2]));
  const spliced = appendWithin(Buffer.concat([first, last]), [4], Buffer.from([8, 3]));
  assert.deepEqual(spliced, Buffer.concat([first, messageField(4, Buffer.from([8, 2, 8, 3]))]));
});

test('appendWithin() takes no bytes that are no message', () => {
  for (const bytes of [[0x22, 5, 1], [0x80], [0x23], [0x09, 1]]) {
    assert.throws(() => appendWithin(Buffer.from(bytes), [4], Buffer.alloc(0)), /encoded message/);
  }
});

test('cutWithin() takes out what appendWithin() puts back', () => {
  const inner = Buffer.concat([
    messageField(7, Buffer.from('x'.repeat(200))),
    messageField(8, Buffer.from('y')),
  ]);
  const beside = messageField(9, Buffer.from('beside'));
  const bytes = Buffer.concat([messageField(5, Buffer.concat([messageField(1, inner), beside])), beside]);
  const cut = cutWithin(bytes, [5, 1]);
  assert(cut);
  assert.deepEqual(Buffer.from(cut.content), inner);
  assert.deepEqual(
    cut.rest,
    Buffer.concat([messageField(5, Buffer.concat([messageField(1, Buffer.alloc(0)), beside])), beside]),
  );
  assert.deepEqual(appendWithin(cut.rest, [5, 1], cut.content), bytes);
  assert.equal(cutWithin(bytes, [5, 2]), undefined);
  assert.equal(cutWithin(bytes, [6, 1]), undefined);
});
