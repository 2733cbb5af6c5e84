import type { JobSelection } from '@armada-ts/client/jobs';
import { usageFailure } from './failure.ts';

/** A ULID, in either case. */
const JOB_ID = /^[0-9a-hjkmnp-tv-z]{26}$/i;

export function isJobId(word: string): boolean {
  return JOB_ID.test(word);
}

/**
 * Reads how people name jobs: by their ids alone, or by queue, job set and one
 * id, which Armada's own armadactl requires. Throws a usage failure for neither.
 */
export function selectJobs(words: readonly string[]): JobSelection {
  const [queue = '', jobSetId = '', jobId = ''] = words;
  if (words.length === 3 && !words.every(isJobId)) {
    return { queue, jobSetId, jobIds: [jobId] };
  }
  const wrong = words.find((word) => !isJobId(word));
  if (wrong !== undefined) {
    throw usageFailure(
      `"${wrong}" is not a job id: ids have 26 letters and digits, as \`submit\` prints them`,
    );
  }
  return { jobIds: words };
}
