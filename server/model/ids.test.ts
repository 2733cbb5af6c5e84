import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  isJobId,
  isRunId,
  jobId,
  MAX_JOBS_PER_REQUEST,
  partitionOfSlot,
  placeOfJob,
  requestPrefix,
  runId,
  SLOTS,
  slotOfQueue,
  slotOfRun,
} from './ids.ts';

/** The largest time a ULID holds. */
const MAX_MS = 2 ** 48 - 1;

const times = fc.integer({ min: 0, max: MAX_MS });
const indexes = fc.integer({ min: 0, max: MAX_JOBS_PER_REQUEST - 1 });
const slots = fc.integer({ min: 0, max: SLOTS - 1 });
const sevenBytes = fc.uint8Array({ minLength: 7, maxLength: 7 });
const sixteenBytes = fc.uint8Array({ minLength: 16, maxLength: 16 });

test('a job id tells its request, its index and its slot', () => {
  fc.assert(
    fc.property(times, sevenBytes, indexes, slots, (now, random, index, slot) => {
      const prefix = requestPrefix(now, random);
      const id = jobId(prefix, index, slot);
      assert(isJobId(id), id);
      assert.deepEqual(placeOfJob(id), { prefix, index, slot });
    }),
  );
});

test('job ids sort by time, then by their place in the request', () => {
  fc.assert(
    fc.property(times, times, sevenBytes, sevenBytes, (a, b, one, other) => {
      fc.pre(a < b);
      assert(
        jobId(requestPrefix(a, one), MAX_JOBS_PER_REQUEST - 1, 0) < jobId(requestPrefix(b, other), 0, 1023),
      );
    }),
  );
  fc.assert(
    fc.property(times, sevenBytes, indexes, indexes, (now, random, a, b) => {
      fc.pre(a < b);
      const prefix = requestPrefix(now, random);
      assert(jobId(prefix, a, 1023) < jobId(prefix, b, 0));
    }),
  );
});

test('requestPrefix() draws on 50 bits of what it is given', () => {
  const seen = new Set([requestPrefix(0, new Uint8Array(7))]);
  let bits = 0;
  for (let bit = 0; bit < 56; bit++) {
    const random = new Uint8Array(7);
    random[bit >> 3] = 1 << (bit & 7);
    const { size } = seen.add(requestPrefix(0, random));
    if (size > bits + 1) bits++;
  }
  assert.equal(bits, 50);
});

test('isJobId() refuses whatever is not a ULID in lower case', () => {
  const id = jobId(requestPrefix(1_700_000_000_000, new Uint8Array(7)), 5, 7);
  assert(isJobId(id));
  const others = [
    '',
    id.slice(1),
    `${id}0`,
    `${id}\n`,
    ` ${id}`,
    id.toUpperCase(),
    `8${id.slice(1)}`,
    ...['i', 'l', 'o', 'u', '-', ':', 'é', '\0'].map((character) => id.slice(0, 25) + character),
  ];
  for (const other of others) assert(!isJobId(other), JSON.stringify(other));
  fc.assert(
    fc.property(fc.string(), (text) => isJobId(text) === /^[0-7][0-9abcdefghjkmnpqrstvwxyz]{25}$/.test(text)),
  );
});

test('a run id is a UUID of version 8 that carries its slot', () => {
  fc.assert(
    fc.property(slots, sixteenBytes, (slot, random) => {
      const given = Uint8Array.from(random);
      const id = runId(slot, random);
      assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      assert(isRunId(id));
      assert.equal(slotOfRun(id), slot);
      assert.deepEqual(random, given, 'what was handed in stays as it was');
    }),
  );
});

test('run ids of different random bytes differ', () => {
  const ids = new Set<string>();
  for (let bit = 0; bit < 128; bit++) {
    const random = new Uint8Array(16);
    random[bit >> 3] = 1 << (bit & 7);
    ids.add(runId(3, random));
  }
  // All but the 10 bits of the slot, the 4 of the version and the 2 of the variant; those look like no bit set.
  assert.equal(ids.size, 128 - 16 + 1);
});

test('a queue has one slot and one partition, and queues spread over both', () => {
  assert.equal(slotOfQueue('research'), slotOfQueue('research'));
  // Fixed for good, for ids that exist carry it: the first 10 bits of the hash e3b0c442...
  assert.equal(slotOfQueue(''), 0xe3b0 >> 6);
  const queues = Array.from({ length: 4096 }, (_, i) => `queue-${i}`);
  const inPartition = Array.from({ length: 16 }, () => 0);
  for (const queue of queues) {
    const slot = slotOfQueue(queue);
    assert(slot >= 0 && slot < SLOTS);
    inPartition[partitionOfSlot(slot, 16)]!++;
  }
  assert(Math.min(...inPartition) > 180 && Math.max(...inPartition) < 340, String(inPartition));
});
