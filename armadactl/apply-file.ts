import type { Queue } from '@armada-ts/api/api/queue';
import { ExitCode } from './exit-codes.ts';
import { Failure } from './failure.ts';
import { readJobSetDocument, type JobSetFile } from './job-set-file.ts';
import { readQueueDocument } from './queue-file.ts';
import { withFoldedOwners, withOwners } from './queue-settings.ts';
import type { TextFile } from './text-file.ts';
import { faultyFile, parseFile } from './yaml-file.ts';

/** A queue as a file wants it to be. */
export interface WantedQueue {
  name: string;
  /** What the file leaves out is no wish, and stays as it is. */
  applyTo: (before: Queue) => Queue;
}

export interface AppliedFile {
  queues: WantedQueue[];
  jobSets: JobSetFile[];
}

/** Reads documents of `kind: Queue` and job sets, in any order. Throws a failure that names every fault's place. */
export function parseAppliedFile({ name, text }: TextFile): AppliedFile {
  const found: AppliedFile = { queues: [], jobSets: [] };
  const documents = parseFile(name, text);
  if (documents.length === 0) throw new Failure(ExitCode.usage, `${name} is empty`);
  for (const document of documents) {
    const keys = keysOf(document.value);
    if (keys.includes('kind')) {
      found.queues.push(wantedQueue(readQueueDocument(name, document), keys));
    } else if (keys.includes('jobs') || keys.includes('jobsetid')) {
      found.jobSets.push(readJobSetDocument(name, document));
    } else {
      const message = 'expected a queue (kind: Queue) or a job set (queue, jobSetId, jobs)';
      throw faultyFile(name, document, [{ path: '', message }]);
    }
  }
  return found;
}

/** Keys count without regard to case and, as in protos, with underscores. */
function keysOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).map((key) => key.toLowerCase().replaceAll('_', ''));
}

function wantedQueue(wanted: Queue, keys: readonly string[]): WantedQueue {
  const states = (field: string) => keys.includes(field.toLowerCase());
  const owners = states('userOwners') ? wanted.userOwners : undefined;
  const groupOwners = states('groupOwners') ? wanted.groupOwners : undefined;
  return {
    name: wanted.name,
    applyTo: (before) => {
      const stated = Object.entries(wanted).filter(([field]) => states(field));
      const after: Queue = { ...before, ...Object.fromEntries(stated) };
      if (states('permissions')) return withFoldedOwners(after);
      const plain = { ...after, userOwners: [], groupOwners: [] };
      return owners || groupOwners ? withOwners(plain, { owners, groupOwners }) : after;
    },
  };
}
