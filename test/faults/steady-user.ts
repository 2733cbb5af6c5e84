// A user who asks for little, all the time, while others ask for far too much;
// what this user is told is recorded to be judged.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventClient, type EventStreamMessage } from '@armada-ts/api/api/event';
import { JobSetCancelRequest, SubmitClient } from '@armada-ts/api/api/submit';
import { type ClientReadableStream, credentials } from '@grpc/grpc-js';
import { type Entry, readHistory, Recorder } from './history.ts';
import { createLoad } from './load.ts';
import { seeded } from './random.ts';
import { readWhole, startWatcher } from './watchers.ts';

const QUEUE = 'steady';
const JOB_SET = 'steady';
const PAUSE_MS = 200;
const WAIT_MS = 60_000;

export interface SteadyUser {
  createQueue(name: string): Promise<void>;
  /** Submits a job and waits until it runs, or has run; how long that took, in milliseconds. */
  probe(): Promise<number>;
  /** Forgets the delays so far. */
  mark(): void;
  /** From the begin of a run, by its executor's clock, until the watcher was told. */
  delays(): number[];
  /** Asks for no more, has a job set of somebody else's cancelled, and waits until all jobs here have ended. */
  finish(queue: string, jobSet: string): Promise<void>;
  /** All that was told; call once, after finish. */
  history(): Promise<Entry[]>;
  stop(): Promise<void>;
}

export async function startSteadyUser(address: string, directory: string): Promise<SteadyUser> {
  const path = join(directory, 'steady.jsonl');
  const recorder = new Recorder(path);
  const stopping = new AbortController();
  const target = { address, recorder, signal: stopping.signal };
  const load = createLoad({ ...target, queue: QUEUE });
  await load.createQueue();
  const watched = { address, queue: QUEUE, jobSet: JOB_SET, recorder };
  const watcher = startWatcher('steady', watched, seeded(1));
  const runs = followRuns(address);
  const asked = new Set<string>();
  let isAsking = true;
  let made = 0;
  const submit = async (): Promise<string> => {
    const draft = { clientId: `steady-${made++}`, script: 'exit 0', expect: 'succeeded' as const };
    const [jobId = ''] = await load.submit(JOB_SET, [draft]);
    asked.add(jobId);
    return jobId;
  };
  const asking = (async () => {
    while (isAsking) {
      await submit();
      await sleep(PAUSE_MS);
    }
  })();
  // Awaited in finish(); until then it must not count as unhandled.
  asking.catch(() => {});
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    isAsking = false;
    stopping.abort();
    runs.stop();
    await Promise.allSettled([asking, watcher.close()]);
    load.close();
    await recorder.close();
  };
  return {
    createQueue: async (queue) => {
      const other = createLoad({ ...target, queue });
      await other.createQueue();
      other.close();
    },
    probe: async () => {
      const beganMs = performance.now();
      const jobId = await submit();
      await waitFor(() => runs.began.has(jobId));
      return performance.now() - beganMs;
    },
    mark: () => void runs.delaysMs.splice(0),
    delays: () => [...runs.delaysMs],
    finish: async (queue, jobSetId) => {
      isAsking = false;
      await asking;
      const client = new SubmitClient(address, credentials.createInsecure());
      await new Promise<void>((resolve, reject) => {
        const request = JobSetCancelRequest.fromPartial({ queue, jobSetId });
        client.cancelJobSet(request, (error) => (error ? reject(error) : resolve()));
      });
      client.close();
      await waitFor(() => [...asked].every((jobId) => watcher.ended.has(jobId)));
    },
    history: async () => {
      const lastId = await readWhole(watched);
      await waitFor(() => watcher.lastId() === lastId);
      recorder.record({ kind: 'finish', timeMs: Date.now() });
      await stop();
      return await readHistory(path);
    },
    stop,
  };
}

/** Follows the same job set apart from the watcher that is judged, with an eye on the time. */
function followRuns(address: string): { began: Set<string>; delaysMs: number[]; stop(): void } {
  const client = new EventClient(address, credentials.createInsecure());
  const began = new Set<string>();
  const delaysMs: number[] = [];
  let lastId = '';
  let isStopped = false;
  let stream: ClientReadableStream<EventStreamMessage> | undefined;
  const follow = (): void => {
    if (isStopped) return;
    const request = { id: JOB_SET, queue: QUEUE, watch: true, fromMessageId: lastId, errorIfMissing: false };
    stream = client.getJobSetEvents(request);
    stream.once('error', () => setTimeout(follow, PAUSE_MS));
    stream.on('data', ({ id, message }: EventStreamMessage) => {
      lastId = id;
      if (message?.events?.$case !== 'running') return;
      const { jobId, created } = message.events.value;
      began.add(jobId);
      delaysMs.push(Date.now() - (Number(created?.seconds ?? 0) * 1000 + (created?.nanos ?? 0) / 1e6));
    });
  };
  follow();
  const stop = (): void => {
    isStopped = true;
    stream?.cancel();
    client.close();
  };
  return { began, delaysMs, stop };
}

async function waitFor(condition: () => boolean): Promise<void> {
  const untilMs = performance.now() + WAIT_MS;
  while (!condition()) {
    if (performance.now() > untilMs) throw new Error('a job of the steady user goes no further');
    await sleep(5);
  }
}
