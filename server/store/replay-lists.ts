/** What a store tells of its jobs besides their records, against the records that events make. */
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { isDeepStrictEqual } from 'node:util';
import { isTerminal } from '../model/job.ts';
import type { TellFault } from './replay.ts';
import { isInRange, type JobRange } from './replay-events.ts';
import { unpackJobs } from './packed-jobs.ts';
import { inPages } from './pages.ts';
import type { RestingRecords } from './resting-records.ts';
import type { JobSetInfo, StoreReader } from './store.ts';
import { createSum, type Sum } from './tally.ts';

/** What one question is about at most. */
const ASKED_AT_ONCE = 1000;

interface Replayed {
  records: RestingRecords;
  fault: TellFault;
}

/** A job that was submitted under a client id. */
type Named = Pick<JobRecord, 'jobId' | 'clientId'>;

/** The live jobs of a range, as they are listed. */
export async function compareListed(
  read: StoreReader,
  { queue, jobSet }: JobSetInfo,
  { range, records, fault }: Replayed & { range: JobRange },
): Promise<void> {
  const ids: string[] = [];
  for (const { jobId, state } of records.records()) if (!isTerminal(state)) ids.push(jobId);
  ids.sort();
  const listed = await read.liveJobIds(queue, jobSet, range.afterId, ids.length + 1);
  const inRange = listed.filter((jobId) => isInRange(jobId, range));
  if (!isDeepStrictEqual(inRange, ids)) {
    fault(`${inRange.length} jobs are listed as live, not ${ids.length}`);
  }
}

/** Runs are of one job each and lead to it; client ids lead to the jobs that have them. */
export async function compareRuns(
  read: StoreReader,
  queue: string,
  { records, fault }: Replayed,
): Promise<void> {
  for (const some of pagesOf(records.records())) {
    const jobOfRun = new Map<string, string>();
    for (const { jobId, runs } of some) {
      for (const { runId } of runs) {
        const other = jobOfRun.get(runId);
        if (other !== undefined) fault(`run ${runId} is of ${other} and of ${jobId}`);
        jobOfRun.set(runId, jobId);
      }
    }
    const found = await read.jobsOfRuns([...jobOfRun.keys()]);
    for (const [runId, jobId] of jobOfRun) {
      const kept = found.get(runId)?.record?.jobId;
      if (kept !== jobId) fault(`run ${runId} leads to ${kept}, not to ${jobId}`);
    }
    const named = some.filter(({ clientId }) => clientId !== '');
    await compareClaims(read, queue, { named, fault });
  }
}

async function compareClaims(
  read: StoreReader,
  queue: string,
  { named, fault }: { named: readonly Named[]; fault: TellFault },
): Promise<void> {
  const ids = named.map(({ clientId }) => clientId);
  const jobOf = new Map((await read.claims(queue, ids)).map(({ clientId, jobId }) => [clientId, jobId]));
  for (const { clientId, jobId } of named) {
    const kept = jobOf.get(clientId);
    if (kept !== jobId) fault(`client id ${clientId} is of ${kept}, not of ${jobId}`);
  }
}

function pagesOf<Value>(values: Iterable<Value>): Iterable<Value[]> {
  return inPages(values, { count: ASKED_AT_ONCE, bytes: Infinity }, { sizeOf: () => 0 });
}

/** What a new leader would load, against the live jobs of each job set; others are not looked at. */
export async function compareActive(
  read: StoreReader,
  live: ReadonlyMap<string, Sum>,
  fault: TellFault,
): Promise<void> {
  const loaded = new Map([...live.keys()].map((name) => [name, createSum()]));
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page: Awaited<ReturnType<StoreReader['active']>> = await read.active(cursor);
    for (const { record } of unpackJobs(page.jobs)) {
      if (record) loaded.get(`${record.queue}/${record.jobSet}`)?.add([Buffer.from(record.jobId)]);
    }
    cursor = page.next;
  }
  for (const [name, ids] of live) {
    const found = loaded.get(name);
    if (found?.shown() === ids.shown()) continue;
    fault(`${name}: ${found?.count ?? 0} live jobs would be loaded, not the ${ids.count} that there are`);
  }
}
