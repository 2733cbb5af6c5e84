/** Reading jobs: their records with the templates these refer to, and their specs. */
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import type { StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { placeOfJob } from '../../model/ids.ts';
import { rememberBlocks } from '../blocks.ts';
import { jobIdOf } from '../../model/job-key.ts';
import { runKey } from '../keys.ts';
import { type JobPlace, partitionOfRun, placeOf, spreadOfRun } from './keys.ts';
import type { Command } from './node.ts';
import { listOf, type Partition } from './partition.ts';
import { readRecord } from './records.ts';
import { type FoundRecord, rememberTemplates, type Templates } from './templates.ts';

/** Fields of one command, so that no answer holds up others for long. */
const MAX_FIELDS = 1000;

/** Jobs of all partitions. */
export interface JobReader extends Templates {
  jobs: (jobIds: readonly string[]) => Promise<StoredJob[]>;
  jobsOfRuns: (runIds: readonly string[]) => Promise<Map<string, StoredJob>>;
  specs: (jobIds: readonly string[]) => Promise<Map<string, SubmitJob>>;
  encodedSpecs: (jobIds: readonly string[]) => Promise<Map<string, Uint8Array>>;
}

export function createJobReader(partitions: readonly Partition[]): JobReader {
  const templates = rememberTemplates(partitions);
  let blocks = rememberBlocks();

  async function jobs(jobIds: readonly string[]): Promise<StoredJob[]> {
    const found = await recordsOf(partitions, jobIds);
    const byPartition = Map.groupBy(found, ({ jobId }) => placeOf(jobId, partitions.length)?.partition ?? 0);
    const whole = await Promise.all(
      [...byPartition].map(([number, some]) => templates.complete(number, some)),
    );
    const byId = new Map(whole.flat().map((job) => [job.record?.jobId ?? '', job]));
    return jobIds.flatMap((jobId) => byId.get(jobId) ?? []);
  }

  async function encodedSpecs(jobIds: readonly string[]): Promise<Map<string, Uint8Array>> {
    const bytes = await specsOf(partitions, blocks, await recordsOf(partitions, jobIds));
    return pick(jobIds, (jobId) => bytes.get(jobId));
  }

  return {
    jobs,
    ...templates,
    async jobsOfRuns(runIds) {
      const jobOfRun = await jobIdsOfRuns(partitions, runIds);
      const found = await jobs([...new Set(jobOfRun.values())]);
      const byId = new Map(found.map((job) => [job.record?.jobId ?? '', job]));
      return pick(runIds, (runId) => byId.get(jobOfRun.get(runId) ?? ''));
    },
    async specs(jobIds) {
      const encoded = await encodedSpecs(jobIds);
      return new Map(Array.from(encoded, ([jobId, bytes]) => [jobId, SubmitJob.decode(bytes)]));
    },
    encodedSpecs,
    forget() {
      templates.forget();
      blocks = rememberBlocks();
    },
  };
}

/** What there is of what was asked for, in the order of the question. */
function pick<Value>(ids: readonly string[], find: (id: string) => Value | undefined): Map<string, Value> {
  return new Map(
    ids.flatMap((id): [string, Value][] => {
      const value = find(id);
      return value === undefined ? [] : [[id, value]];
    }),
  );
}

/** Records of jobs by id, without what their templates say. */
async function recordsOf(
  partitions: readonly Partition[],
  jobIds: readonly string[],
): Promise<FoundRecord[]> {
  const places = [...new Set(jobIds)].flatMap((jobId) => {
    const place = placeOf(jobId, partitions.length);
    return place ? [{ jobId, ...place }] : [];
  });
  const found: FoundRecord[] = [];
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
        if (Buffer.isBuffer(value)) found.push({ jobId, stored: readRecord(value) });
      }
    }
  });
  return found;
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
  records: readonly FoundRecord[],
): Promise<Map<string, Uint8Array>> {
  const places = records.flatMap(({ jobId, stored: { block } }) => {
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
