/** Specs are kept as given and found by the job's id alone. */
import { Batch } from '@armada-ts/api/armada/store/v1/store';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { jobId, requestPrefix, slotOfQueue } from '@armada-ts/server/model/ids';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { BUILT_AT_MS, submitJobs } from './builders.ts';
import { applied, idsOf, shownSpec } from './compare.ts';
import { type Engine, openStore } from './engine.ts';

export function specsSuite(engine: Engine): void {
  describe('specs', () => {
    it('finds each of a large request', async (test) => {
      const store = await openStore(engine, test);
      const batch = submitJobs(1000, { specBytes: 528 });
      await applied(store, batch);
      const ids = idsOf(batch.submitted).toReversed();
      const asked = [...ids, ...idsOf(submitJobs(1).submitted), 'no id'];
      const specs = await store.read.specs(asked);
      assert.deepEqual([...specs.keys()], ids);
      assertSpecs(specs, batch);
      const encoded = await store.read.encodedSpecs(asked);
      assert.deepEqual([...encoded.keys()], ids);
      for (const [id, bytes] of encoded) assert.deepEqual(SubmitJob.decode(bytes), specs.get(id));
    });

    it('finds those of many small requests at once', async (test) => {
      const store = await openStore(engine, test);
      const batches = Array.from({ length: 40 }, (_, i) =>
        submitJobs(1 + (i % 3), { jobSet: `set-${i % 4}` }),
      );
      await Promise.all(batches.map((batch) => applied(store, batch)));
      const specs = await store.read.specs(batches.flatMap((batch) => idsOf(batch.submitted)));
      for (const batch of batches) assertSpecs(specs, batch);
    });

    it('keeps specs of any size, and requests with holes in several batches', async (test) => {
      const store = await openStore(engine, test);
      const batch = submitJobs(12, { specBytes: 60_000 });
      const parts = [batch.submitted.slice(0, 5), batch.submitted.slice(7)].map((submitted) =>
        Batch.fromPartial({ ...batch, submitted }),
      );
      for (const part of parts) await applied(store, part);
      const specs = await store.read.specs(idsOf(batch.submitted));
      assert.equal(specs.size, 10);
      for (const part of parts) assertSpecs(specs, part);
    });

    it('keeps fields it does not know', async (test) => {
      const store = await openStore(engine, test);
      const batch = submitJobs(1);
      const [job] = batch.submitted;
      assert(job);
      // Field 1000, length-delimited, of a later version of the message.
      const unknown = Buffer.from([0xc2, 0x3e, 0x03, 0x6e, 0x65, 0x77]);
      job.spec = Buffer.concat([job.spec, unknown]);
      await applied(store, batch);
      const [spec] = (await store.read.specs(idsOf(batch.submitted))).values();
      assert(spec);
      assert.deepEqual(Buffer.from(SubmitJob.encode(spec).finish()), job.spec);
    });

    it('tells requests apart whose ids lie between each other in time', async (test) => {
      const store = await openStore(engine, test);
      const slot = slotOfQueue('queue');
      const batches = [0, 255].map((random) => {
        const prefix = requestPrefix(BUILT_AT_MS, new Uint8Array(7).fill(random));
        const batch = submitJobs(3);
        for (const [i, job] of batch.submitted.entries()) {
          if (job.record) job.record.jobId = jobId(prefix, i * 7, slot);
        }
        return batch;
      });
      for (const batch of batches) await applied(store, batch);
      const specs = await store.read.specs(batches.flatMap((batch) => idsOf(batch.submitted)));
      for (const batch of batches) assertSpecs(specs, batch);
    });
  });
}

function assertSpecs(specs: Map<string, SubmitJob>, batch: Batch): void {
  for (const { record, spec } of batch.submitted) {
    const found = specs.get(record?.jobId ?? '');
    assert.equal(found && shownSpec(found), spec.toString('hex'));
  }
}
