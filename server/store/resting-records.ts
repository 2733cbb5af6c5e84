/**
 * Very many job records in memory. They rest as encoded texts of one byte a
 * character, which take a tenth of what the objects take; those that are worked
 * on are objects until they are put to rest again.
 */
import { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import { encodeMessage } from '../model/encode.ts';

export interface RestingRecords {
  get(jobId: string): JobRecord | undefined;
  /** Keeps a record, for now as the object that it is. */
  set(jobId: string, record: JobRecord): void;
  /** Puts everything to rest. */
  rest(): void;
  has(jobId: string): boolean;
  readonly size: number;
  ids(): Iterable<string>;
  /** Every record, as an object of its own. */
  records(): Iterable<JobRecord>;
  /** A record as it rests: the same text is the same record. */
  text(jobId: string): string | undefined;
}

export function createRestingRecords(): RestingRecords {
  const resting = new Map<string, string>();
  const awake = new Map<string, JobRecord>();
  const woken = (text: string): JobRecord => JobRecord.decode(Buffer.from(text, 'latin1'));
  const rest = (): void => {
    for (const [jobId, record] of awake) {
      resting.set(jobId, encodeMessage(JobRecord, record).toString('latin1'));
    }
    awake.clear();
  };
  return {
    get(jobId) {
      const record = awake.get(jobId);
      if (record) return record;
      const text = resting.get(jobId);
      return text === undefined ? undefined : woken(text);
    },
    set(jobId, record) {
      awake.set(jobId, record);
    },
    rest,
    has: (jobId) => resting.has(jobId) || awake.has(jobId),
    get size() {
      rest();
      return resting.size;
    },
    ids() {
      rest();
      return resting.keys();
    },
    *records() {
      rest();
      for (const text of resting.values()) yield woken(text);
    },
    text(jobId) {
      rest();
      return resting.get(jobId);
    },
  };
}
