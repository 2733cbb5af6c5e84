// The client of the submit benchmark: sends requests with so many in flight and
// counts the jobs it was given ids for.
import { JobSubmitResponse, SubmitService } from '@armada-ts/api/api/submit';
import { Client, credentials, status } from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveLoad } from '../measuring/processes.ts';
import { type ClientIds, createRequests } from '../measuring/requests.ts';

export interface SubmitOrder {
  address: string;
  queue: string;
  jobSetId: string;
  /** Jobs in all, in one request, and requests at once. */
  jobs: number;
  batch: number;
  inFlight: number;
  /** `indexed` when left out. */
  clientIds?: ClientIds;
}

export interface SubmitFigures {
  seconds: number;
  /** Of this process, from the first request to the last answer. */
  cpuMicros: number;
  latenciesMs: number[];
  /** Requests that the server had no room for; they were sent again. */
  refused: number;
}

/** How long the server is left alone after it has refused. */
const RETRY_MS = 50;

serveLoad<SubmitOrder, SubmitFigures>(async (order) => {
  const { address, queue, jobSetId, jobs, batch, inFlight } = order;
  const client = new Client(address, credentials.createInsecure());
  const nextRequest = createRequests(queue, jobSetId, order.clientIds);
  const latenciesMs: number[] = [];
  let unsent = jobs;
  let refused = 0;
  const sendUntilTaken = async (request: Uint8Array): Promise<number> => {
    for (;;) {
      const ids = await send(client, request);
      if (ids !== 'refused') return ids;
      refused++;
      await sleep(RETRY_MS);
    }
  };
  const sender = async (): Promise<void> => {
    while (unsent > 0) {
      const count = Math.min(batch, unsent);
      unsent -= count;
      const from = performance.now();
      const ids = await sendUntilTaken(nextRequest(count));
      latenciesMs.push(performance.now() - from);
      if (ids !== count) throw new Error(`${ids} ids for ${count} jobs`);
    }
  };
  const cpu = process.cpuUsage();
  const from = performance.now();
  await Promise.all(Array.from({ length: inFlight }, sender));
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  client.close();
  return { seconds, cpuMicros: user + system, latenciesMs, refused };
});

/** Sends an encoded request; how many ids came back. */
function send(client: Client, request: Uint8Array): Promise<number | 'refused'> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      SubmitService.submitJobs.path,
      (bytes: Uint8Array) => bytes as Buffer,
      (bytes) => JobSubmitResponse.decode(bytes),
      request,
      (error, answer) => {
        if (error?.code === status.RESOURCE_EXHAUSTED) resolve('refused');
        else if (error) reject(error);
        else resolve(answer?.jobResponseItems.filter(({ jobId }) => jobId !== '').length ?? 0);
      },
    );
  });
}
