/** Jobs of a partition with all that is kept with them, taken out bucket by bucket. */
import { JobState } from '@armada-ts/api/api/job';
import { placeOfJob } from '../../model/ids.ts';
import { isTerminal } from '../../model/job.ts';
import { decodeBlock } from '../blocks.ts';
import type { CopiedJob, Part } from '../copy.ts';
import { claimOf } from './append.ts';
import { claimField, spreadOfClaim } from './keys.ts';
import type { Command, Reply } from './node.ts';
import { listOf, type Partition } from './partition.ts';
import { wantedOf } from './records.ts';
import type { FoundRecord, Templates } from './templates.ts';

/** Buckets that are asked for together: of single jobs that many, of full ones a few thousand jobs. */
const BUCKETS_AT_ONCE = 64;
const NUMBERS_AT_ONCE = 256;

/** The indexes of a job set in which its buckets are. */
const INDEXES = [
  'live',
  ...Object.values(JobState)
    .filter(isTerminal)
    .map((state) => `ended:${state}`),
];

export async function* jobParts(partition: Partition, templates: Templates): AsyncGenerator<Part> {
  for await (const n of setNumbersOf(partition)) {
    for await (const names of bucketsOf(partition, n)) {
      for (let at = 0; at < names.length; at += BUCKETS_AT_ONCE) {
        const some = names.slice(at, at + BUCKETS_AT_ONCE);
        const jobs = await jobsOf(partition, templates, { n, buckets: some });
        if (jobs.length > 0) yield { kind: 'jobs', jobs };
      }
    }
  }
}

/** Numbers of the job sets that have records. */
async function* setNumbersOf(partition: Partition): AsyncGenerator<number> {
  for (let at = 0; ; at += NUMBERS_AT_ONCE) {
    const range = ['ZRANGE', `${partition.key}:names`, at, at + NUMBERS_AT_ONCE - 1] as const;
    const [members] = await partition.read([range]);
    const names = listOf(members ?? null).map(String);
    if (names.length === 0) return;
    for (const n of (await partition.fields(':sets', names)).values()) yield Number(n);
  }
}

/** Names of the buckets of a job set, in order and each once. */
async function* bucketsOf(partition: Partition, n: number): AsyncGenerator<string[]> {
  const keys = INDEXES.map((index) => `${partition.key}:set:${n}:${index}`);
  for (let from = '-'; ; ) {
    const lists = await partition.read(
      keys.map((key): Command => ['ZRANGEBYLEX', key, from, '+', 'LIMIT', 0, NUMBERS_AT_ONCE]),
    );
    const found = lists.map((list) => listOf(list).map(String));
    // Past the end of a full page there may be more of that index.
    const ends = found.flatMap((names) => (names.length === NUMBERS_AT_ONCE ? (names.at(-1) ?? []) : []));
    const [end] = ends.sort();
    const names = [...new Set(found.flat())].filter((name) => end === undefined || name <= end).sort();
    yield names;
    if (end === undefined) return;
    from = `(${end}`;
  }
}

interface Found extends FoundRecord {
  bucket: string;
}

async function jobsOf(
  partition: Partition,
  templates: Templates,
  { n, buckets }: { n: number; buckets: readonly string[] },
): Promise<CopiedJob[]> {
  const contents = await partition.read(
    buckets.map((name): Command => ['HGETALL', `${partition.key}:jobs:${name}`]),
  );
  const found = buckets.flatMap((bucket, i): Found[] => {
    const content = listOf(contents[i] ?? null);
    // A bucket with jobs of several job sets comes once, with the first of them.
    if (ownerOf(content) !== n) return [];
    return wantedOf(bucket, content, () => true).map((record) => ({ ...record, bucket }));
  });
  const jobs = await templates.complete(partition.number, found);
  const ids = jobs.map(({ record }) => record?.schedulingClass ?? '');
  const [classes, specs, hashes] = await Promise.all([
    partition.fields(
      ':class',
      [...new Set(ids)].filter((id) => id !== ''),
    ),
    specsOf(partition, found),
    claimHashesOf(
      partition,
      jobs.flatMap(({ record }) => record ?? []),
    ),
  ]);
  const storedOf = new Map(found.map(({ jobId, stored }) => [jobId, stored]));
  return jobs.flatMap(({ record, version }): CopiedJob[] => {
    const stored = record && storedOf.get(record.jobId);
    if (!record || !stored) return [];
    return [
      {
        record,
        version,
        submittedNumber: stored.submitted,
        born: stored.born,
        last: stored.last,
        spec: specs.get(record.jobId) ?? new Uint8Array(),
        claimHash: hashes.get(record.jobId) ?? new Uint8Array(),
        schedulingClass: classes.get(record.schedulingClass),
      },
    ];
  });
}

/** The lowest number of a job set with jobs in a bucket. */
function ownerOf(content: readonly Reply[]): number {
  const numbers: number[] = [];
  for (let i = 0; i < content.length; i += 2) {
    const field = String(content[i]);
    if (field.startsWith('k')) numbers.push(Number(field.slice(1)));
  }
  return Math.min(...numbers);
}

async function specsOf(partition: Partition, found: readonly Found[]): Promise<Map<string, Uint8Array>> {
  const byBlock = Map.groupBy(found, ({ bucket, stored }) => `${bucket}:${stored.block}`);
  const names = [...byBlock.keys()];
  const blocks = await partition.read(
    names.map((name): Command => ['GET', `${partition.key}:block:${name}`]),
  );
  const specs = new Map<string, Uint8Array>();
  for (const [i, name] of names.entries()) {
    const bytes = blocks[i];
    if (!Buffer.isBuffer(bytes)) continue;
    const block = decodeBlock(bytes);
    for (const { jobId } of byBlock.get(name) ?? []) {
      const spec = block.get(placeOfJob(jobId).index);
      if (spec) specs.set(jobId, spec);
    }
  }
  return specs;
}

/** Hashes of client ids, by the jobs that have them. */
async function claimHashesOf(
  partition: Partition,
  records: readonly CopiedJob['record'][],
): Promise<Map<string, Uint8Array>> {
  const named = records.filter(({ clientId }) => clientId !== '');
  const replies = await partition.read(
    named.map(({ queue, clientId }): Command => {
      const field = claimField(queue, clientId);
      return ['HGET', `${partition.key}:claims:${spreadOfClaim(field)}`, field];
    }),
  );
  const hashes = new Map<string, Uint8Array>();
  for (const [i, { jobId, clientId }] of named.entries()) {
    const value = replies[i];
    const claim = Buffer.isBuffer(value) ? claimOf(clientId, value) : undefined;
    if (claim?.jobId === jobId) hashes.set(jobId, claim.hash);
  }
  return hashes;
}
