// Waiting for what a job set's events say.
import { type Connection, type JobSetEvent, watchJobSet } from '@armada-ts/client';

export interface JobSetName {
  queue: string;
  jobSetId: string;
}

/** Reads a job set from its beginning until enough has happened; fails with what has when it takes too long. */
export async function eventsUntil(
  connection: Connection,
  jobSet: JobSetName,
  isEnough: (events: readonly JobSetEvent[]) => boolean,
  timeoutMs = 10_000,
): Promise<JobSetEvent[]> {
  const events: JobSetEvent[] = [];
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    for await (const event of watchJobSet(connection, { ...jobSet, signal })) {
      events.push(event);
      if (isEnough(events)) return events;
    }
  } catch (error) {
    const seen = events.map(told).join('\n');
    throw new Error(`it did not happen in ${timeoutMs} ms; what did:\n${seen}`, { cause: error });
  }
  throw new Error('the watch ended');
}

/** What there is now. */
export async function eventsSoFar(connection: Connection, jobSet: JobSetName): Promise<JobSetEvent[]> {
  const events: JobSetEvent[] = [];
  for await (const event of watchJobSet(connection, { ...jobSet, follow: false })) events.push(event);
  return events;
}

function told({ body }: JobSetEvent): string {
  const reason = body.$case === 'failed' ? ` ${body.value.reason}` : '';
  return `${body.value.jobId} ${body.$case}${reason}`;
}

/** Whether so many jobs, or all of these, have had an event of this kind. */
export function have(kind: JobSetEvent['body']['$case'], jobs: number | readonly string[]) {
  return (events: readonly JobSetEvent[]): boolean => {
    const ids = idsWith(kind, events);
    return typeof jobs === 'number' ? ids.length >= jobs : jobs.every((id) => ids.includes(id));
  };
}

/** Ids of the jobs in the order in which they had an event of this kind. */
export function idsWith(kind: JobSetEvent['body']['$case'], events: readonly JobSetEvent[]): string[] {
  return events.filter(({ body }) => body.$case === kind).map(({ body }) => body.value.jobId);
}
