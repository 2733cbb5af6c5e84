// A server that appends until it is killed. Started by crash.ts as ENGINE PLACE
// SEED FILE; writes what was acknowledged to the file, one line for each sequence,
// and a line to its output once it has begun.
import type { StoredJob } from '@armada-ts/api/armada/store/v1/store';
import type { Batch, Store } from '@armada-ts/server/store/store';
import assert from 'node:assert/strict';
import { openSync, writeSync } from 'node:fs';
import { changeBatch, queueChange, submitBatch } from './builders.ts';
import { entryOf, idsOf } from './compare.ts';
import type { Engine } from './engine.ts';

/** A sequence whose append was acknowledged. */
export interface Acknowledged {
  queue: string;
  jobSet: string;
  number: number;
  jobIds: string[];
}

const APPENDERS = 8;

async function append(store: Store, batch: Batch): Promise<StoredJob[]> {
  const entry = entryOf(await store.append(batch));
  for (const { jobSet, number } of entry.sequences) {
    const line: Acknowledged = { queue: entry.queue, jobSet, number, jobIds: idsOf(entry.jobs) };
    writeSync(file, `${JSON.stringify(line)}\n`);
  }
  return entry.jobs;
}

async function appendForEver(store: Store, appender: string): Promise<never> {
  for (let round = 0; ; round++) {
    const size = round % 10 === 9 ? 400 : 1 + (round % 7);
    const jobs = Array.from({ length: size }, (_, i) => ({
      clientId: `${appender}/${round}/${i}`,
      specBytes: 300,
    }));
    const place = { queue: `queue-${round % 3}`, jobSet: `set-${round % 2}` };
    const submitted = await append(store, submitBatch(jobs, place));
    const leased = await append(store, changeBatch(submitted, 'lease'));
    const running = await append(store, changeBatch(leased.slice(0, 1 + size / 2), 'run'));
    await append(store, changeBatch(running, round % 4 === 3 ? 'requeue' : 'succeed'));
  }
}

const [, , module, place, seed, path] = process.argv;
assert(module && place && seed && path);
const file = openSync(path, 'a');
const { engine } = (await import(module)) as { engine: Engine };
const store = await engine.open(place);
for (let i = 0; i < 3; i++) await store.control(queueChange(`queue-${i}`));
console.log('started');
await Promise.all(
  Array.from({ length: APPENDERS }, (_, i) => appendForEver(store, `${seed}/${process.pid}/${i}`)),
);
