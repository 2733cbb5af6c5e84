/** Job sets of a partition and their streams, taken out whole. */
import {
  type Birth,
  type CopiedJobSet,
  type CopiedSequence,
  STREAM_LIMITS,
  type StreamPart,
} from '../copy.ts';
import { jobSetOf } from './keys.ts';
import type { Command } from './node.ts';
import { bytesOf, listOf, type Partition } from './partition.ts';
import type { Reply } from './node.ts';
import { STREAM } from './scripts/read.ts';

/** Job sets that are asked for together, and how much of the stream of each comes with that. */
const SETS_AT_ONCE = 64;
const FIRST_BYTES = 64 * 1024;

/** A job set as it is found. */
interface FoundSet {
  key: string;
  /** Its whole name, with its queue. */
  name: string;
  jobSet: CopiedJobSet;
}

/** @param epochMs no stream shows an earlier beginning */
export async function* streamParts(partition: Partition, epochMs: number): AsyncGenerator<StreamPart> {
  for await (const sets of setsOf(partition, epochMs)) {
    const firsts = await firstPartsOf(partition, sets);
    for (const [i, set] of sets.entries()) {
      const first = firsts[i];
      if (!first) continue;
      yield first;
      yield* restOf(partition, set, first);
    }
  }
}

/** Every job set once, some at a time: those with records by name, the others by their oldest event. */
async function* setsOf(partition: Partition, epochMs: number): AsyncGenerator<FoundSet[]> {
  for await (const names of membersOf(partition, ':names')) {
    const numbers = await partition.fields(':sets', names);
    yield await readSets(partition, [...numbers.values()].map(String), epochMs);
  }
  for await (const numbers of membersOf(partition, ':oldest')) {
    yield (await readSets(partition, numbers, epochMs)).filter(({ jobSet }) => jobSet.jobs === 0);
  }
}

async function* membersOf(partition: Partition, index: string): AsyncGenerator<string[]> {
  for (let at = 0; ; at += SETS_AT_ONCE) {
    const range = ['ZRANGE', partition.key + index, at, at + SETS_AT_ONCE - 1] as const;
    const [members] = await partition.read([range]);
    const found = listOf(members ?? null).map(String);
    if (found.length > 0) yield found;
    if (found.length < SETS_AT_ONCE) return;
  }
}

const FIELDS = ['name', 'created', 'first', 'last', 'oldest', 'queued', 'leased', 'jobs'] as const;

async function readSets(
  partition: Partition,
  numbers: readonly string[],
  epochMs: number,
): Promise<FoundSet[]> {
  const keys = numbers.map((n) => `${partition.key}:set:${n}`);
  const rows = await partition.read(keys.map((key): Command => ['HMGET', key, ...FIELDS]));
  return rows.map((row, i) => {
    const [name = null, created, first, last, oldest = null, queued, leased, jobs] = listOf(row);
    const text = String(name);
    const jobSet = {
      queue: text.slice(0, text.indexOf('\0')),
      name: jobSetOf(text),
      streamCreatedMs: Math.max(Number(created), epochMs),
      firstNumber: Number(first),
      lastNumber: Number(last),
      oldestMs: oldest === null ? undefined : Number(oldest),
      queued: Number(queued),
      leased: Number(leased),
      jobs: Number(jobs),
    };
    return { key: keys[i] ?? '', name: text, jobSet };
  });
}

/** The beginnings of job sets: all of nearly every one. */
async function firstPartsOf(partition: Partition, sets: readonly FoundSet[]): Promise<StreamPart[]> {
  const births = await birthsOf(partition, sets, 0);
  const streams = await partition.read(
    sets.map(
      ({ name }): Command => ({ script: STREAM, key: partition.key, parameters: [name, 0, FIRST_BYTES] }),
    ),
  );
  return sets.map(({ jobSet }, i) => ({
    kind: 'stream',
    jobSet,
    isFirst: true,
    births: births[i]?.births ?? [],
    sequences: sequencesOf(streams[i] ?? null),
  }));
}

async function* restOf(partition: Partition, set: FoundSet, first: StreamPart): AsyncGenerator<StreamPart> {
  const more = { kind: 'stream' as const, jobSet: set.jobSet, isFirst: false, births: [], sequences: [] };
  for (let at = STREAM_LIMITS.count; ; at += STREAM_LIMITS.count) {
    const [found] = await birthsOf(partition, [set], at);
    if (!found || found.pins === 0) break;
    if (found.births.length > 0) yield { ...more, births: found.births };
  }
  let last = first.sequences.at(-1)?.number ?? set.jobSet.lastNumber;
  while (last < set.jobSet.lastNumber) {
    const sequences = sequencesOf(await partition.items(STREAM, [set.name, last, STREAM_LIMITS.bytes]));
    const newest = sequences.at(-1);
    if (!newest) return;
    yield { ...more, sequences };
    last = newest.number;
  }
}

/** Live jobs by what submitted them, from a place in the list of those numbers on; and how many numbers there were. */
async function birthsOf(
  partition: Partition,
  sets: readonly FoundSet[],
  at: number,
): Promise<{ pins: number; births: Birth[] }[]> {
  const to = at + STREAM_LIMITS.count - 1;
  const lists = await partition.read(sets.map(({ key }): Command => ['LRANGE', `${key}:pins`, at, to]));
  const pins = lists.map((list) => listOf(list).map(Number));
  return await Promise.all(
    sets.map(async ({ key }, i) => {
      const numbers = pins[i] ?? [];
      if (numbers.length === 0) return { pins: 0, births: [] };
      const [row] = await partition.read([['HMGET', `${key}:births`, ...numbers]]);
      const live = listOf(row ?? null);
      // A number stays in the list when its last job has ended.
      const births = numbers.flatMap((number, j) => {
        const count = Number(live[j] ?? 0);
        return count > 0 ? [{ number, live: count }] : [];
      });
      return { pins: numbers.length, births };
    }),
  );
}

function sequencesOf(reply: Reply): CopiedSequence[] {
  const [, first, ...items] = listOf(reply);
  return items.map((item, i) => {
    const stored = bytesOf(item);
    return { number: Number(first) + i, atMs: stored.readUIntBE(0, 6), bytes: stored.subarray(6) };
  });
}
