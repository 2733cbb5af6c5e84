import type { Connection } from '@armada-ts/client/connect';
import { ArmadaClientError } from '@armada-ts/client/errors';
import { listJobs } from '@armada-ts/client/job-list';

/** Larger job sets are not looked through before a submission: it would take longer than the submission. */
const MAX_LISTED_JOBS = 5_000;

/**
 * The jobs that a job set has already, by which a submission tells new jobs
 * from those that were there. Undefined when that cannot be known: the set is
 * large, the server has no lists, the caller may submit but not look, or the
 * list fails where the submission may not.
 */
export async function knownJobs(
  connection: Connection,
  queue: string,
  jobSetId: string,
): Promise<ReadonlySet<string> | undefined> {
  const known = new Set<string>();
  try {
    for await (const { jobId } of listJobs(connection, { queue, jobSetId })) {
      if (known.size === MAX_LISTED_JOBS) return undefined;
      known.add(jobId);
    }
    return known;
  } catch (error) {
    if (!(error instanceof ArmadaClientError)) throw error;
    // A queue that is missing may be created by what comes next.
    if (error.code === 'NOT_FOUND') return known;
    if (error.unreachable) throw error;
    return undefined;
  }
}
