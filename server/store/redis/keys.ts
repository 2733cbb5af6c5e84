/**
 * Names of keys. Everything of a partition has its number as the hash tag, so a
 * Cluster keeps it in one place; scripts are given the partition's own key and
 * add to it:
 *
 *     {p}                     head, term, mark and bytes of the log, epoch, counters
 *     {p}:log                 list of entries (log.ts)
 *     {p}:control:KIND        hash of control records by name; the queues are kind 1
 *     {p}:live                hash of live jobs by queue
 *     {p}:sets                hash of numbers of job sets by name (queue, zero byte, job set)
 *     {p}:names {p}:active    sorted names of job sets with records, with live jobs
 *     {p}:oldest              job sets by the age of their oldest event
 *     {p}:set:N               hash: name, created, first, last, oldest, queued, leased, jobs
 *     {p}:set:N:events        list of sequences
 *     {p}:set:N:births, pins  live jobs by the sequence that submitted them, and those numbers in order
 *     {p}:set:N:live          sorted names of buckets with live jobs
 *     {p}:set:N:ended:STATE   sorted names of buckets with jobs that ended so
 *     {p}:set:N:uris          sorted external URIs with job ids
 *     {p}:jobs:BUCKET         hash of records by index (records.ts)
 *     {p}:block:BUCKET:B      specs of some jobs of the bucket
 *     {p}:ended               buckets by the end of their first ended job
 *     {p}:template...         what many records have in common
 *     {p}:class...            scheduling classes by id
 *     {p}:claims:N {p}:runs:N hashes of client ids and of runs, spread out
 *     {p}:operations          open operations by id
 *
 *     {0}:store               the store as a whole: layout, partitions, epoch, secret, last term and leader
 *     {0}:store:servers       what each server says of itself, by its id
 *
 * Redis keeps a hash compact as long as it has at most 512 fields and none of
 * more than 64 bytes: hence buckets of jobs, and claims and runs spread out.
 */
import { hash } from 'node:crypto';
import { isJobId, isRunId, partitionOfSlot, placeOfJob, slotOfQueue, slotOfRun } from '../../model/ids.ts';

/** Jobs of a bucket. */
export const BUCKET_JOBS = 100;

/** Hashes that the claims, and the runs, of a partition are spread over. */
const SPREAD = 4096;

/** Key of a partition. */
export function partitionKey(prefix: string, partition: number): string {
  return `${prefix}{${partition}}`;
}

/** Key of the record of the store as a whole; it lies with partition 0. */
export function storeKey(prefix: string): string {
  return `${prefix}{0}:store`;
}

/** Channel that tells of new entries, in every partition. */
export function channelOf(prefix: string): string {
  return `${prefix}log`;
}

/** Where a job's record is. */
export interface JobPlace {
  partition: number;
  /** Name of its bucket; such names sort as the ids do. */
  bucket: string;
  /** Its index in the bucket. */
  field: number;
}

/** Place of a job; undefined for text that is no id. */
export function placeOf(jobId: string, partitions: number): JobPlace | undefined {
  if (!isJobId(jobId)) return undefined;
  const { prefix, index, slot } = placeOfJob(jobId);
  const number = String(Math.floor(index / BUCKET_JOBS)).padStart(5, '0');
  return {
    partition: partitionOfSlot(slot, partitions),
    bucket: `${prefix}${jobId.slice(24)}${number}`,
    field: index % BUCKET_JOBS,
  };
}

export function partitionOfQueue(queue: string, partitions: number): number {
  return partitionOfSlot(slotOfQueue(queue), partitions);
}

/** Partition of a run; undefined for text that is no run id. */
export function partitionOfRun(runId: string, partitions: number): number | undefined {
  return isRunId(runId) ? partitionOfSlot(slotOfRun(runId), partitions) : undefined;
}

/** Which of the spread hashes holds a run. Past the slot, and past what all runs of this version share. */
export function spreadOfRun(runId: string): number {
  return Number.parseInt(runId.slice(4, 8), 16) % SPREAD;
}

/** Field of a client id in the claims of a partition. */
export function claimField(queue: string, clientId: string): string {
  return `${queue}\0${clientId}`;
}

/** Which of the spread hashes holds a claim. */
export function spreadOfClaim(field: string): number {
  return hash('sha1', field, 'buffer').readUInt16BE(0) % SPREAD;
}

/** Full name of a job set in its partition. */
export function setName(queue: string, jobSet: string): string {
  return `${queue}\0${jobSet}`;
}

/** The job set's own name. */
export function jobSetOf(name: string): string {
  return name.slice(name.indexOf('\0') + 1);
}
