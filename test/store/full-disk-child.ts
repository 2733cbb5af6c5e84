// A server whose files may not grow past a limit (RLIMIT_FSIZE, set by
// sqlite-disk.test.ts). Appends until the disk refuses, goes on living, and says
// what it saw. Parameters: ENGINE PLACE.
import { ArmadaError } from '@armada-ts/server/base/errors';
import assert from 'node:assert/strict';
import { queueChange, submitJobs } from './builders.ts';
import { entryOf, idsOf } from './compare.ts';
import type { Engine } from './engine.ts';

const [, , module, place] = process.argv;
assert(module && place);
const { engine } = (await import(module)) as { engine: Engine };
const store = await engine.open(place);
await store.control(queueChange('queue'));

let newest: string[] = [];
let refusal: unknown;
for (let i = 0; refusal === undefined && i < 10_000; i++) {
  try {
    newest = idsOf(entryOf(await store.append(submitJobs(20, { specBytes: 2000 }))).jobs);
  } catch (error) {
    refusal = error;
  }
}
assert(refusal instanceof ArmadaError, String(refusal));
// It lives: what was acknowledged is read, and the next append is answered too.
assert.deepEqual(idsOf(await store.read.jobs(newest)), newest);
await assert.rejects(store.append(submitJobs(400, { specBytes: 4000 })), { code: 'UNAVAILABLE' });
const { queued } = (await store.read.jobSet('queue', 'set')) ?? {};
console.log(JSON.stringify({ code: refusal.code, message: refusal.message, queued }));
process.exit(0);
