/** All reads of the port but following the log. */
import { Queue } from '@armada-ts/api/api/queue';
import { Control_Kind, ExecutorRecord, ExecutorSettings } from '@armada-ts/api/armada/store/v1/store';
import { eventsOf } from '../entries.ts';
import type { StoredQueue, StoredSequence, StoreReader } from '../store.ts';
import { claimOf } from './append.ts';
import { storedOf } from './control.ts';
import type { JobReader } from './jobs.ts';
import { createJobSets } from './job-sets.ts';
import { claimField, setName, spreadOfClaim } from './keys.ts';
import { createLists } from './lists.ts';
import type { Command } from './node.ts';
import { bytesOf, listOf, type Partition, partitionOf } from './partition.ts';
import { STREAM } from './scripts/read.ts';

export function createReader(partitions: readonly Partition[], reader: JobReader): StoreReader {
  const at = (queue: string): Partition => partitionOf(partitions, queue);

  /** Every record of a kind, by name. */
  async function controls(kind: Control_Kind): Promise<[name: string, stored: Buffer][]> {
    const all = await Promise.all(
      partitions.map(async (partition) => {
        const [reply] = await partition.read([['HGETALL', `${partition.key}:control:${kind}`]]);
        const parts = listOf(reply ?? null).map(bytesOf);
        return Array.from({ length: parts.length / 2 }, (_, i): [string, Buffer] => [
          String(parts[2 * i]),
          parts[2 * i + 1] ?? Buffer.alloc(0),
        ]);
      }),
    );
    return all.flat().sort(([one], [other]) => byBytes(one, other));
  }

  return {
    ...createJobSets(partitions),
    ...createLists(partitions, reader),
    jobs: reader.jobs,
    jobsOfRuns: reader.jobsOfRuns,
    specs: reader.specs,
    encodedSpecs: reader.encodedSpecs,
    async claims(queue, clientIds) {
      const partition = at(queue);
      const fields = clientIds.map((clientId) => claimField(queue, clientId));
      const replies = await partition.read(
        fields.map((field): Command => ['HGET', `${partition.key}:claims:${spreadOfClaim(field)}`, field]),
      );
      return clientIds.flatMap((clientId, i) => {
        const value = replies[i];
        return Buffer.isBuffer(value) ? [claimOf(clientId, value)] : [];
      });
    },
    async queue(name) {
      const found = await at(name).fields(`:control:${Control_Kind.KIND_QUEUE}`, [name]);
      const stored = found.get(name);
      return stored && queueOf(stored);
    },
    queues: async () => (await controls(Control_Kind.KIND_QUEUE)).map(([, stored]) => queueOf(stored)),
    async activeQueues() {
      const all = await Promise.all(
        partitions.map(async (partition) => {
          const [names] = await partition.read([['HKEYS', `${partition.key}:live`]]);
          return listOf(names ?? null).map(String);
        }),
      );
      return all.flat().sort(byBytes);
    },
    executors: async () =>
      (await controls(Control_Kind.KIND_EXECUTOR)).map(([, stored]) =>
        ExecutorRecord.decode(stored.subarray(6)),
      ),
    executorSettings: async () =>
      (await controls(Control_Kind.KIND_EXECUTOR_SETTINGS)).map(([, stored]) =>
        ExecutorSettings.decode(stored.subarray(6)),
      ),
    controls: async (kind) => (await controls(kind)).map(([name, stored]) => storedOf(name, stored)),
    async stream(queue, jobSet, after, maxBytes) {
      const [created, first, ...items] = await at(queue).items(STREAM, [
        setName(queue, jobSet),
        after,
        maxBytes,
      ]);
      return items.map(
        (item, i): StoredSequence => ({
          jobSet,
          number: Number(first) + i,
          streamCreatedMs: Number(created),
          events: eventsOf(bytesOf(item).subarray(6), queue, jobSet),
        }),
      );
    },
  };
}

/** The order that names have in every engine. */
function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

function queueOf(stored: Buffer): StoredQueue {
  return { queue: Queue.decode(stored.subarray(6)), version: stored.readUIntBE(0, 6) };
}
