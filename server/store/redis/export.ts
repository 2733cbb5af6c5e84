/** A store in Redis read whole: see ../copy.ts. */
import { Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { isDeepStrictEqual } from 'node:util';
import { ArmadaError } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import type { Export, LogNumbers, Part, StoreNumbers } from '../copy.ts';
import { refuseLayout } from './epoch.ts';
import { jobParts } from './export-jobs.ts';
import { streamParts } from './export-streams.ts';
import { createJobReader } from './jobs.ts';
import { channelOf, partitionKey, storeKey } from './keys.ts';
import { operationOf } from './log.ts';
import { bytesOf, createPartition, listOf, type Partition, type Wire } from './partition.ts';
import { createReader } from './read.ts';
import { parseRedisUrl, shownPlace } from './url.ts';
import { connect } from './wire.ts';

/** Records of one part. */
const PART_RECORDS = 100;

/** Opens the store at a URL that no server is using. Throws INVALID_REQUEST for the URL, UNAVAILABLE when there is no store, or when it is in use. */
export async function openRedisExport(url: string): Promise<Export> {
  const place = parseRedisUrl(url);
  const name = shownPlace(place);
  // A connection that breaks ends the migration, and that is told.
  const wire = await connect({ place, replicas: () => undefined, onChange: () => {}, logger: silentLogger });
  try {
    const [stored] = await wire.read(0, [['HMGET', storeKey(place.prefix), 'layout', 'partitions']]);
    const [layout, partitions] = listOf(stored ?? null);
    if (layout === null) throw new ArmadaError('UNAVAILABLE', `there is no store at ${name}`);
    refuseLayout(Number(layout));
    const source = { wire, prefix: place.prefix, partitions: Number(partitions), name };
    await refuseUsed(source);
    return await exportOf(source, () => wire.close());
  } catch (error) {
    wire.close();
    throw error;
  }
}

/** Where an export reads. */
export interface Source {
  wire: Wire;
  prefix: string;
  partitions: number;
  name: string;
}

/** Reads a store that nobody writes to meanwhile. */
export async function exportOf(source: Source, close: () => void): Promise<Export> {
  const { wire, prefix, name } = source;
  const partitions = Array.from({ length: source.partitions }, (_, i) =>
    createPartition(wire, i, partitionKey(prefix, i)),
  );
  const reader = createJobReader(partitions);
  const opened = await numbersOf(partitions, name);
  return {
    name,
    numbers: opened.numbers,
    read: createReader(partitions, reader),
    async *parts() {
      for (const partition of partitions) {
        yield* controlParts(partition);
        yield* operationParts(partition);
        yield* streamParts(partition, opened.numbers.epochMs);
        yield* jobParts(partition, reader);
      }
    },
    async unchanged() {
      await refuseUsed(source);
      if (isDeepStrictEqual(await numbersOf(partitions, name), opened)) return;
      throw new ArmadaError('UNAVAILABLE', `${name} has changed meanwhile; stop every server that uses it`);
    },
    async close() {
      close();
    },
  };
}

/** The numbers, and the marks of the newest entries. */
interface Opened {
  numbers: StoreNumbers;
  marks: string[];
}

async function numbersOf(partitions: readonly Partition[], name: string): Promise<Opened> {
  const epochs: number[] = [];
  const logs: LogNumbers[] = [];
  const marks: string[] = [];
  for (const partition of partitions) {
    const { key, number } = partition;
    const [row] = await partition.read([['HMGET', key, 'head', 'term', 'removed', 'epoch', 'mark']]);
    const [head, term, removed, epoch, mark] = listOf(row ?? null);
    if (head === null) {
      throw new ArmadaError(
        'UNAVAILABLE',
        `${name} has lost its partition ${number}; start a server on it and stop it again, so that this is dealt with`,
      );
    }
    logs.push({ head: Number(head), term: Number(term), removedStreamMs: Number(removed) });
    epochs.push(Number(epoch));
    marks.push(bytesOf(mark ?? null).toString('hex'));
  }
  return { numbers: { epochMs: Math.max(...epochs), logs }, marks };
}

/** Every server listens to the channel that tells of new entries. */
async function refuseUsed({ wire, prefix, partitions, name }: Source): Promise<void> {
  const channel = channelOf(prefix);
  let servers = 0;
  for (let partition = 0; partition < partitions; partition++) {
    // Users with few rights may not ask; then only what is written tells.
    const [reply] = await wire.read(partition, [['PUBSUB', 'NUMSUB', channel]]).catch(() => []);
    if (reply) servers = Math.max(servers, Number(listOf(reply)[1]));
  }
  if (servers === 0) return;
  const those = servers === 1 ? 'a server is' : `${servers} servers are`;
  throw new ArmadaError('UNAVAILABLE', `${those} using ${name}; stop every server, and begin again`);
}

async function* controlParts(partition: Partition): AsyncGenerator<Part> {
  const kinds = [
    Control_Kind.KIND_QUEUE,
    Control_Kind.KIND_EXECUTOR,
    Control_Kind.KIND_EXECUTOR_SETTINGS,
    Control_Kind.KIND_ACCESS_KEYS,
    Control_Kind.KIND_KEYRING,
  ] as const;
  for (const kind of kinds) {
    for await (const page of fieldsOf(partition, `:control:${kind}`)) {
      const controls = page.map(([name, stored]) => ({
        kind,
        name,
        version: stored.readUIntBE(0, 6),
        record: stored.subarray(6),
      }));
      yield { kind: 'controls', controls };
    }
  }
}

async function* operationParts(partition: Partition): AsyncGenerator<Part> {
  for await (const page of fieldsOf(partition, ':operations')) {
    yield { kind: 'operations', operations: page.map(([, stored]) => operationOf(stored)) };
  }
}

/** Fields of a hash with their values, some at a time. */
async function* fieldsOf(partition: Partition, name: string): AsyncGenerator<[string, Buffer][]> {
  const [reply] = await partition.read([['HKEYS', partition.key + name]]);
  const fields = listOf(reply ?? null).map(String);
  for (let at = 0; at < fields.length; at += PART_RECORDS) {
    yield [...(await partition.fields(name, fields.slice(at, at + PART_RECORDS)))];
  }
}
