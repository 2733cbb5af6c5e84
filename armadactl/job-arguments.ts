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
    return { queue, jobSetId, jobIds: [jobId.toLowerCase()] };
  }
  return { jobIds: words.map(selectJob) };
}

/** The id as servers write it. Throws a usage failure for what is none. */
export function selectJob(word: string): string {
  if (isJobId(word)) return word.toLowerCase();
  throw usageFailure(`"${word}" is not a job id: ids have 26 letters and digits, as \`submit\` prints them`);
}
