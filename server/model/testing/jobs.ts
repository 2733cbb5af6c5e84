/** Jobs as the store would give them, by what happened to them. */
import type { JobRecord, StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { jobId, requestPrefix } from '../ids.ts';
import { applyEvent, submittedJob } from '../job.ts';
import { timestampOf } from '../instant.ts';
import assert from 'node:assert/strict';
import type { Payload } from './job-events.ts';

/** When everything about these jobs happens, unless told otherwise. */
export const AT_MS = 1_700_000_000_000;

/** The id of the nth job. */
export function idOf(n: number): string {
  return jobId(requestPrefix(AT_MS, new Uint8Array(7)), n, 1);
}

export interface JobOptions {
  n?: number;
  queue?: string;
  jobSet?: string;
  atMostOnce?: boolean;
}

export function submitted({
  n = 0,
  queue = 'queue',
  jobSet = 'set',
  atMostOnce = false,
}: JobOptions = {}): JobRecord {
  return submittedJob({
    sender: { queue, jobSetName: jobSet, userId: 'ann', groups: ['users'] },
    job: { ...SubmitJob.create({ jobId: idOf(n) }), atMostOnce },
    createdMs: AT_MS,
    schedulingClass: 'class',
    gang: undefined,
  });
}

/** The record after these events, all of which must apply. */
export function after(record: JobRecord, ...events: Payload[]): JobRecord {
  return events.reduce((one, event) => {
    const next = applyEvent(one, { event, created: timestampOf(AT_MS) }, 'ann');
    assert(next, `${event.$case} must apply`);
    return next;
  }, record);
}

export function stored(record: JobRecord, version: number): StoredJob {
  return { record, version, submittedNumber: undefined };
}
