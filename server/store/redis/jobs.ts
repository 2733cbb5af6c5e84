/** Reading jobs: their records with the templates these refer to, and their specs. */
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import type { JobRecord, StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { placeOfJob } from '../../model/ids.ts';
import { rememberBlocks } from '../blocks.ts';
import { jobIdOf, runKey } from '../keys.ts';
import { type JobPlace, partitionOfRun, placeOf, spreadOfRun } from './keys.ts';
import type { Command } from './node.ts';
import { listOf, type Partition } from './partition.ts';
import { decodeTemplate, readRecord, storedJobOf, type StoredRecord } from './records.ts';

/** Templates that are remembered. */
const MAX_TEMPLATES = 20_000;
/** Fields of one command, so that no answer holds up others for long. */
const MAX_FIELDS = 1000;

/** A record as found, which has an id but not yet what its template says. */
export interface FoundRecord {
  jobId: string;
  stored: StoredRecord;
}

/** Jobs of all partitions. */
export interface JobReader {
  jobs(jobIds: readonly string[]): Promise<StoredJob[]>;
  jobsOfRuns(runIds: readonly string[]): Promise<Map<string, StoredJob>>;
  specs(jobIds: readonly string[]): Promise<Map<string, SubmitJob>>;
  encodedSpecs(jobIds: readonly string[]): Promise<Map<string, Uint8Array>>;
  /** Completes records of one partition. */
  complete(partition: number, found: readonly FoundRecord[]): Promise<StoredJob[]>;
  /** What was remembered is of another store. */
  forget(): void;
}

export function createJobReader(partitions: readonly Partition[]): JobReader {
  const templates = new Map<string, JobRecord>();
  let blocks = rememberBlocks();

  async function records(jobIds: readonly string[]): Promise<Map<string, StoredRecord>> {
    const places = [...new Set(jobIds)].flatMap((jobId) => {
      const place = placeOf(jobId, partitions.length);
      return place ? [{ jobId, ...place }] : [];
    });
    const found = new Map<string, StoredRecord>();
    await inPartitions(partitions, places, async (partition, ofPartition) => {
      const buckets = [...Map.groupBy(ofPartition, ({ bucket }) => bucket)];
      const commands = buckets.map(([bucket, jobs]): Command => {
        return ['HMGET', `${partition.key}:jobs:${bucket}`, ...jobs.map(({ field }) => field)];
      });
      const replies = await partition.read(commands);
      for (const [i, [, jobs]] of buckets.entries()) {
        const values = listOf(replies[i] ?? null);
        for (const [j, { jobId }] of jobs.entries()) {
          const value = values[j];
          if (Buffer.isBuffer(value)) found.set(jobId, readRecord(value));
        }
      }
    });
    return found;
  }

  /** Makes sure that the templates of these records are remembered. */
  async function learn(partition: Partition, found: readonly FoundRecord[]): Promise<void> {
    const missing = new Set<number>();
    for (const { stored } of found) {
      if (!templates.has(`${partition.number}:${stored.template}`)) missing.add(stored.template);
    }
    if (missing.size === 0) return;
    if (templates.size + missing.size > MAX_TEMPLATES) templates.clear();
    for (const [number, stored] of await partition.fields(':template', [...missing])) {
      templates.set(`${partition.number}:${number}`, decodeTemplate(stored));
    }
  }

  async function complete(number: number, found: readonly FoundRecord[]): Promise<StoredJob[]> {
    const partition = partitions[number];
    if (!partition) return [];
    for (let tries = 0; tries < 2; tries++) {
      await learn(partition, found);
      // A template that is gone went with its last record.
      const whole = found.flatMap(({ jobId, stored }) => {
        const template = templates.get(`${number}:${stored.template}`);
        return template ? [storedJobOf(jobId, stored, template)] : [];
      });
      if (whole.length === found.length || tries === 1) return whole;
    }
    return [];
  }

  async function jobs(jobIds: readonly string[]): Promise<StoredJob[]> {
    const stored = await records(jobIds);
    const found = [...stored].map(([jobId, record]) => ({ jobId, stored: record }));
    const byPartition = Map.groupBy(found, ({ jobId }) => placeOf(jobId, partitions.length)?.partition ?? 0);
    const whole = await Promise.all([...byPartition].map(([number, records]) => complete(number, records)));
    const byId = new Map(whole.flat().map((job) => [job.record?.jobId ?? '', job]));
    return jobIds.flatMap((jobId) => byId.get(jobId) ?? []);
  }

  async function encodedSpecs(jobIds: readonly string[]): Promise<Map<string, Uint8Array>> {
    const bytes = await specsOf(partitions, blocks, await records(jobIds));
    return new Map(
      jobIds.flatMap((jobId): [string, Uint8Array][] => {
        const spec = bytes.get(jobId);
        return spec ? [[jobId, spec]] : [];
      }),
    );
  }

  return {
    jobs,
    complete,
    async jobsOfRuns(runIds) {
      const jobOfRun = await jobIdsOfRuns(partitions, runIds);
      const found = await jobs([...new Set(jobOfRun.values())]);
      const byId = new Map(found.map((job) => [job.record?.jobId ?? '', job]));
      return new Map(
        runIds.flatMap((runId): [string, StoredJob][] => {
          const job = byId.get(jobOfRun.get(runId) ?? '');
          return job ? [[runId, job]] : [];
        }),
      );
    },
    async specs(jobIds) {
      return new Map(
        Array.from(await encodedSpecs(jobIds), ([jobId, bytes]) => [jobId, SubmitJob.decode(bytes)]),
      );
    },
    encodedSpecs,
    forget() {
      templates.clear();
      blocks = rememberBlocks();
    },
  };
}

/** Does something in each partition that has some of these places. */
async function inPartitions<Place extends { partition: number }>(
  partitions: readonly Partition[],
  places: readonly Place[],
  work: (partition: Partition, places: Place[]) => Promise<void>,
): Promise<void> {
  const pending: Promise<void>[] = [];
  for (const [number, ofPartition] of Map.groupBy(places, ({ partition }) => partition)) {
    const partition = partitions[number];
    if (!partition) continue;
    for (let i = 0; i < ofPartition.length; i += MAX_FIELDS) {
      pending.push(work(partition, ofPartition.slice(i, i + MAX_FIELDS)));
    }
  }
  await Promise.all(pending);
}

async function jobIdsOfRuns(
  partitions: readonly Partition[],
  runIds: readonly string[],
): Promise<Map<string, string>> {
  const places = runIds.flatMap((runId) => {
    const partition = partitionOfRun(runId, partitions.length);
    const key = runKey(runId);
    return partition === undefined || !key ? [] : [{ runId, partition, key: Buffer.from(key) }];
  });
  const found = new Map<string, string>();
  await inPartitions(partitions, places, async (partition, runs) => {
    const replies = await partition.read(
      runs.map(({ runId, key }): Command => ['HGET', `${partition.key}:runs:${spreadOfRun(runId)}`, key]),
    );
    for (const [i, { runId }] of runs.entries()) {
      const job = replies[i];
      if (Buffer.isBuffer(job)) found.set(runId, jobIdOf(job));
    }
  });
  return found;
}

/** Specs of jobs whose records are there; a block outlives single jobs of it. */
async function specsOf(
  partitions: readonly Partition[],
  blocks: ReturnType<typeof rememberBlocks>,
  records: ReadonlyMap<string, StoredRecord>,
): Promise<Map<string, Uint8Array>> {
  const places = [...records].flatMap(([jobId, { block }]) => {
    const place = placeOf(jobId, partitions.length);
    return place ? [{ jobId, block: blockName(place, block), ...place }] : [];
  });
  const specs = new Map<string, Uint8Array>();
  await inPartitions(partitions, places, async (partition, ofPartition) => {
    const byBlock = Map.groupBy(ofPartition, ({ block }) => block);
    const decoded = new Map([...byBlock.keys()].map((name) => [name, blocks.get(name)]));
    const missing = [...decoded].flatMap(([name, known]) => (known ? [] : [name]));
    const replies = await partition.read(
      missing.map((name): Command => ['GET', `${partition.key}:block:${name}`]),
    );
    for (const [i, name] of missing.entries()) {
      const bytes = replies[i];
      if (Buffer.isBuffer(bytes)) decoded.set(name, blocks.add(name, bytes));
    }
    for (const [name, jobs] of byBlock) {
      for (const { jobId } of jobs) {
        const spec = decoded.get(name)?.get(placeOfJob(jobId).index);
        if (spec) specs.set(jobId, spec);
      }
    }
  });
  return specs;
}

function blockName({ bucket }: JobPlace, block: number): string {
  return `${bucket}:${block}`;
}
