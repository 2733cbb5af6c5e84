// The client of the full-life benchmark: submits jobs, with a bounded number of
// them not yet ended, and follows the job sets until all have succeeded.
import { EventStreamMessage } from '@armada-ts/api/api/event';
import { JobSubmitResponse, SubmitService } from '@armada-ts/api/api/submit';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { connect, type ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kind, followJobSet, kindOf, messagesTo } from '../measuring/event-stream.ts';
import { serveLoad } from '../measuring/processes.ts';
import { createRequests } from '../measuring/requests.ts';

/** After which a request is sent again that the server was too busy to take. */
const REFUSED_PAUSE_MS = 100;

export interface FullLifeOrder {
  address: string;
  queues: readonly string[];
  jobSetId: string;
  /** Jobs in all, in one request, and at most between submit and end. */
  jobs: number;
  batch: number;
  unfinished: number;
}

export interface FullLifeFigures {
  seconds: number;
  cpuMicros: number;
  events: number;
}

serveLoad<FullLifeOrder, FullLifeFigures>(async (order) => {
  const client = new Client(order.address, credentials.createInsecure());
  const session = connect(`http://${order.address}`);
  const watched = order.queues.map((queue) => watch(session, queue, order.jobSetId));
  const cpu = process.cpuUsage();
  const from = performance.now();
  await Promise.all(
    watched.map((ends, i) => {
      const share = 1 / order.queues.length;
      const part = { jobs: Math.round(order.jobs * share), unfinished: order.unfinished * share };
      return live(client, { ...order, ...part, queue: order.queues[i] ?? '' }, ends);
    }),
  );
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  session.destroy();
  client.close();
  for (const { succeeded, jobs } of watched) {
    const ids = new Set(succeeded.map((bytes) => jobOf(bytes)));
    if (ids.size !== jobs.length || jobs.some((id) => !ids.has(id)))
      throw new Error('a job has not succeeded');
  }
  const events = watched.reduce((sum, { seen }) => sum + seen, 0);
  return { seconds, cpuMicros: user + system, events };
});

/** What is seen of one job set. */
interface Watched {
  seen: number;
  /** Ids of the jobs submitted. */
  readonly jobs: string[];
  /** Their last events, encoded. */
  readonly succeeded: Buffer[];
  changed: () => void;
}

function watch(session: ClientHttp2Session, queue: string, id: string): Watched {
  const watched: Watched = { seen: 0, jobs: [], succeeded: [], changed: () => {} };
  const take = messagesTo((message) => {
    watched.seen++;
    const kind = kindOf(message);
    if (kind === Kind.failed) throw new Error('a job has failed');
    if (kind === Kind.succeeded) watched.succeeded.push(Buffer.from(message));
  });
  followJobSet(session, { queue, id }, (chunk) => {
    take(chunk);
    watched.changed();
  });
  return watched;
}

function jobOf(bytes: Buffer): string {
  return EventStreamMessage.decode(bytes).message?.events?.value.jobId ?? '';
}

/** Submits to one queue and waits for the end of all jobs. */
async function live(
  client: Client,
  order: FullLifeOrder & { queue: string },
  watched: Watched,
): Promise<void> {
  const nextRequest = createRequests(order.queue, order.jobSetId);
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        watched.changed = resolve;
      });
    }
  };
  while (watched.jobs.length < order.jobs) {
    const count = Math.min(order.batch, order.jobs - watched.jobs.length);
    await until(() => watched.jobs.length + count - watched.succeeded.length <= order.unfinished);
    watched.jobs.push(...(await submit(client, nextRequest(count))));
  }
  await until(() => watched.succeeded.length >= order.jobs);
}

/** Sends an encoded request until it is taken; the ids that came back. A server that is too busy says when to ask again. */
async function submit(client: Client, request: Uint8Array): Promise<string[]> {
  for (;;) {
    const answer = await send(client, request);
    if (Array.isArray(answer)) return answer;
    if (answer.code !== status.RESOURCE_EXHAUSTED) throw answer;
    await sleep(REFUSED_PAUSE_MS);
  }
}

function send(client: Client, request: Uint8Array): Promise<string[] | ServiceError> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      SubmitService.submitJobs.path,
      (bytes: Uint8Array) => bytes as Buffer,
      (bytes) => JobSubmitResponse.decode(bytes),
      request,
      (error, answer) => resolve(error ?? answer?.jobResponseItems.map(({ jobId }) => jobId) ?? []),
    );
  });
}
