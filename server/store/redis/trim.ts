/**
 * Retention. What is old is judged here and removed by scripts that check it
 * again (scripts/trim.ts), a bounded step of each partition at a time. Something
 * that is old and must stay is passed over by a place among the old ones, which
 * begins anew when it reaches their end.
 */
import type { StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { logShare } from '../log-share.ts';
import type { Retention } from '../store.ts';
import { jobKey } from '../../model/job-key.ts';
import { runKey } from '../keys.ts';
import { asBuffer, uriMember } from './append.ts';
import type { JobReader } from './jobs.ts';
import { claimField, setName, spreadOfClaim, spreadOfRun } from './keys.ts';
import type { Argument, Command } from './node.ts';
import { listOf, type Partition } from './partition.ts';
import { wantedOf } from './records.ts';
import { JOB_SETS } from './scripts/read.ts';
import { PURGE, TRIM_EVENTS, TRIM_LOG } from './scripts/trim.ts';

/** What one step looks at in a partition. */
const LOG_ENTRIES = 4096;
const STREAMS = 64;
const BUCKETS = 8;

/** Each call is one step in every partition, and tells whether more may be waiting. */
export function createTrim(
  partitions: readonly Partition[],
  reader: JobReader,
): (now: number, retention: Retention) => Promise<boolean> {
  const steps = partitions.map((partition) => createSteps(partition, reader));
  return async (now, retention) => {
    const share = logShare(await Promise.all(partitions.map(logBytesOf)), retention.logBytes);
    const more = await Promise.all(steps.map((step) => step(Math.floor(now), retention, share)));
    return more.includes(true);
  };
}

/** Bytes of a partition's log. */
async function logBytesOf(partition: Partition): Promise<number> {
  const [bytes] = await partition.read([['HGET', partition.key, 'bytes']]);
  return Number(bytes ?? 0);
}

function createSteps(partition: Partition, reader: JobReader) {
  let streamsPassed = 0;
  let bucketsPassed = 0;

  async function trimLog(until: number, share: number): Promise<boolean> {
    const [more] = await partition.write(TRIM_LOG, [until, share, LOG_ENTRIES]);
    return more === 1;
  }

  async function trimEvents(until: number): Promise<boolean> {
    const [staying, more] = await partition.write(TRIM_EVENTS, [until, streamsPassed, STREAMS]);
    streamsPassed = more === 1 ? streamsPassed + Number(staying) : 0;
    return more === 1;
  }

  async function trimRecords(until: number): Promise<boolean> {
    const range = [
      `${partition.key}:ended`,
      '-inf',
      until,
      'BYSCORE',
      'LIMIT',
      bucketsPassed,
      BUCKETS,
    ] as const;
    const [names] = await partition.read([['ZRANGE', ...range]]);
    const buckets = listOf(names ?? null).map(String);
    for (const bucket of buckets) if (!(await purge(partition, reader, { bucket, until }))) bucketsPassed++;
    if (buckets.length === BUCKETS) return true;
    bucketsPassed = 0;
    return false;
  }

  return async (now: number, { logMs, eventsMs, recordsMs }: Retention, share: number): Promise<boolean> => {
    const more = [
      await trimLog(now - logMs, share),
      await trimEvents(now - eventsMs),
      await trimRecords(now - recordsMs),
    ];
    return more.includes(true);
  };
}

/** Removes what is old in a bucket; whether nothing old is left in it. */
async function purge(
  partition: Partition,
  reader: JobReader,
  { bucket, until }: { bucket: string; until: number },
): Promise<boolean> {
  const [content] = await partition.read([['HGETALL', `${partition.key}:jobs:${bucket}`] satisfies Command]);
  const fields = listOf(content ?? null);
  const ended = wantedOf(bucket, fields, ({ isLive }) => !isLive);
  const jobs = await reader.complete(partition.number, ended);
  const recordOf = new Map(jobs.map(({ record }) => [record?.jobId ?? '', record]));
  const sets = await setsOf(partition, jobs);
  const going: Argument[] = [];
  let count = 0;
  let nextEndedMs = Infinity;
  for (const { field, jobId, stored } of ended) {
    const record = recordOf.get(jobId);
    const set = record && sets.get(setName(record.queue, record.jobSet));
    if (!record || !set) continue;
    const endedMs = Math.floor(record.endedAtMs ?? 0);
    if (endedMs > until || stored.last >= set.first) {
      nextEndedMs = Math.min(nextEndedMs, endedMs);
      continue;
    }
    count++;
    const claim = claimField(record.queue, record.clientId);
    going.push(field, stored.version, set.n, `${partition.key}:claims:${spreadOfClaim(claim)}`);
    going.push(record.clientId === '' ? '' : claim, asBuffer(jobKey(record.jobId) ?? new Uint8Array()));
    going.push(record.externalJobUri === '' ? '' : uriMember(record), record.runs.length);
    for (const { runId } of record.runs)
      going.push(spreadOfRun(runId), asBuffer(runKey(runId) ?? new Uint8Array()));
  }
  const counted = fields.flatMap((name) => (/^k\d/.test(String(name)) ? [String(name).slice(1)] : []));
  const next = nextEndedMs === Infinity ? '' : nextEndedMs;
  await partition.write(PURGE, [bucket, next, counted.length, ...counted, count, ...going]);
  return nextEndedMs > until;
}

/** Numbers and first sequences of the job sets of some jobs, by their full names. */
async function setsOf(
  partition: Partition,
  jobs: readonly StoredJob[],
): Promise<Map<string, { n: number; first: number }>> {
  const names = [...new Set(jobs.map(({ record }) => setName(record?.queue ?? '', record?.jobSet ?? '')))];
  const rows = names.length === 0 ? [] : await partition.items(JOB_SETS, names);
  return new Map(
    names.flatMap((name, i): [string, { n: number; first: number }][] => {
      const [n, , first] = listOf(rows[i] ?? null).map(Number);
      return n === undefined || first === undefined ? [] : [[name, { n, first }]];
    }),
  );
}
