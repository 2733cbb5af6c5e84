/** Completing records by the templates they refer to, which are read once and remembered. */
import type { JobRecord, StoredJob } from '@armada-ts/api/armada/store/v1/store';
import type { Partition } from './partition.ts';
import { decodeTemplate, storedJobOf, type StoredRecord } from './records.ts';

/** Templates that are remembered. */
const MAX_TEMPLATES = 20_000;

/** A record as found, which has an id but not yet what its template says. */
export interface FoundRecord {
  jobId: string;
  stored: StoredRecord;
}

/** The templates of all partitions. Their numbers are given out once, so they can be remembered for good. */
export interface Templates {
  /** Completes records of one partition. */
  complete(partition: number, found: readonly FoundRecord[]): Promise<StoredJob[]>;
  /** The templates of these numbers, but for those that are gone. */
  templatesOf(partition: number, numbers: readonly number[]): Promise<Map<number, JobRecord>>;
  /** Those of a job set; a bucket may hold jobs of others of its request. */
  ofJobSet(partition: number, found: readonly FoundRecord[], jobSet: string): Promise<FoundRecord[]>;
  /** What was remembered is of another store. */
  forget(): void;
}

export function rememberTemplates(partitions: readonly Partition[]): Templates {
  const known = new Map<string, JobRecord>();
  const nameOf = (partition: Partition, number: number | string): string => `${partition.number}:${number}`;

  async function learn(partition: Partition, numbers: ReadonlySet<number>): Promise<void> {
    const missing = [...numbers].filter((number) => !known.has(nameOf(partition, number)));
    if (missing.length === 0) return;
    if (known.size + missing.length > MAX_TEMPLATES) known.clear();
    // Not only the missing ones: the others may have been forgotten just now.
    for (const [number, stored] of await partition.fields(':template', [...numbers])) {
      known.set(nameOf(partition, number), decodeTemplate(stored));
    }
  }

  return {
    async complete(number, found) {
      const partition = partitions[number];
      if (!partition) return [];
      await learn(partition, numbersOf(found));
      return found.flatMap(({ jobId, stored }) => {
        const template = known.get(nameOf(partition, stored.template));
        // A template goes with the last of its records: this one is gone by now.
        return template ? [storedJobOf(jobId, stored, template)] : [];
      });
    },
    async templatesOf(number, ofJobs) {
      const partition = partitions[number];
      const numbers = new Set(ofJobs);
      if (!partition) return new Map();
      await learn(partition, numbers);
      return new Map(
        [...numbers].flatMap((each): [number, JobRecord][] => {
          const template = known.get(nameOf(partition, each));
          return template ? [[each, template]] : [];
        }),
      );
    },
    async ofJobSet(number, found, jobSet) {
      const partition = partitions[number];
      if (!partition) return [];
      await learn(partition, numbersOf(found));
      return found.filter(({ stored }) => known.get(nameOf(partition, stored.template))?.jobSet === jobSet);
    },
    forget: () => known.clear(),
  };
}

function numbersOf(found: readonly FoundRecord[]): Set<number> {
  return new Set(found.map(({ stored }) => stored.template));
}
