import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { isTooMuch, type Packing, unpack } from './unpack.ts';

const PACK: Readonly<Record<Packing, (bytes: Buffer) => Buffer>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
};
const PACKINGS = ['gzip', 'deflate', 'br'] as const;
const MIB = 1024 * 1024;

test('what was packed comes back, small, large when unpacked, and large as it is', async () => {
  const noise = Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * i * 2654435761) >>> 13));
  for (const packing of PACKINGS) {
    for (const bytes of [Buffer.alloc(0), Buffer.from('a'), Buffer.alloc(MIB, 'ab'), noise]) {
      const unpacked = await unpack(packing, PACK[packing](bytes), MIB);
      assert.ok(unpacked.equals(bytes), `${packing}, ${bytes.length} bytes`);
    }
  }
});

test('more than is allowed is refused, and told from what is not packed at all', async () => {
  for (const packing of PACKINGS) {
    for (const size of [MIB + 1, 16 * MIB]) {
      await assert.rejects(unpack(packing, PACK[packing](Buffer.alloc(size)), MIB), isTooMuch);
    }
    await assert.rejects(unpack(packing, PACK[packing](Buffer.alloc(101)), 100), isTooMuch);
    const garbage = unpack(packing, Buffer.from('not packed, not packed'), MIB);
    await assert.rejects(garbage, (error) => !isTooMuch(error));
  }
});

test('however many bombs arrive at once, little of them is held', async () => {
  const bomb = gzipSync(Buffer.alloc(64 * MIB));
  const before = process.memoryUsage.rss();
  const refused = await Promise.all(
    Array.from({ length: 300 }, () => unpack('gzip', bomb, 4 * MIB).then(() => false, isTooMuch)),
  );
  const grown = process.memoryUsage.rss() - before;
  assert.equal(refused.every(Boolean), true);
  assert.ok(grown < 300 * MIB, `${Math.round(grown / MIB)} MiB`);
  // Those that failed have given their places back.
  assert.equal((await unpack('gzip', gzipSync(Buffer.alloc(2 * MIB)), 4 * MIB)).length, 2 * MIB);
});
