// What became of very many jobs, by their stream: too many to keep each event.
import { EventClient, type EventStreamMessage } from '@armada-ts/api/api/event';
import { credentials } from '@grpc/grpc-js';
import { TERMINAL } from './job-histories.ts';

export interface Ends {
  /** How often each job ended; 0 for one that has not. */
  byJob: Map<string, number>;
  /** By which the jobs were submitted. */
  clientIds: Set<string>;
}

/** Reads a job set from its beginning until every job in it has ended. */
export async function endsOf(address: string, queue: string, jobSet: string): Promise<Ends> {
  const client = new EventClient(address, credentials.createInsecure());
  const request = { id: jobSet, queue, watch: true, fromMessageId: '', errorIfMissing: true };
  const stream = client.getJobSetEvents(request);
  const ends: Ends = { byJob: new Map(), clientIds: new Set() };
  let open = 0;
  try {
    for await (const { message } of stream as AsyncIterable<EventStreamMessage>) {
      const events = message?.events;
      if (!events) continue;
      const { jobId } = events.value;
      if (events.$case === 'submitted') {
        ends.byJob.set(jobId, 0);
        ends.clientIds.add(events.value.job?.clientId ?? '');
        open++;
      } else if (TERMINAL.has(events.$case)) {
        const count = (ends.byJob.get(jobId) ?? 0) + 1;
        ends.byJob.set(jobId, count);
        if (count === 1 && --open === 0) break;
      }
    }
  } finally {
    stream.cancel();
    client.close();
  }
  return ends;
}
