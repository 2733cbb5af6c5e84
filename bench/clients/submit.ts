// The client of the submit benchmark: sends requests with so many in flight and
// counts the jobs it was given ids for.
import { JobSubmitResponse, SubmitService } from '@armada-ts/api/api/submit';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { setTimeout as sleep } from 'node:timers/promises';
import { serveLoad } from '../measuring/processes.ts';
import { createRequests } from '../measuring/requests.ts';

/** Before a request that was refused for now is sent again. */
const REFUSED_MS = 100;

export interface SubmitOrder {
  address: string;
  queue: string;
  jobSetId: string;
  /** Jobs in all, in one request, and requests at once. */
  jobs: number;
  batch: number;
  inFlight: number;
}

export interface SubmitFigures {
  seconds: number;
  /** Of this process, from the first request to the last answer. */
  cpuMicros: number;
  latenciesMs: number[];
}

serveLoad<SubmitOrder, SubmitFigures>(async ({ address, queue, jobSetId, jobs, batch, inFlight }) => {
  const client = new Client(address, credentials.createInsecure());
  const nextRequest = createRequests(queue, jobSetId);
  const latenciesMs: number[] = [];
  let unsent = jobs;
  const sender = async (): Promise<void> => {
    while (unsent > 0) {
      const count = Math.min(batch, unsent);
      unsent -= count;
      const from = performance.now();
      const ids = await sendUntilTaken(client, nextRequest(count));
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
  return { seconds, cpuMicros: user + system, latenciesMs };
});

/** Sends a request, again after a while when the server has too much to do; how many ids came back. */
async function sendUntilTaken(client: Client, request: Uint8Array): Promise<number> {
  for (;;) {
    try {
      return await send(client, request);
    } catch (error) {
      if ((error as ServiceError).code !== status.RESOURCE_EXHAUSTED) throw error;
      await sleep(REFUSED_MS);
    }
  }
}

/** Sends an encoded request; how many ids came back. */
function send(client: Client, request: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      SubmitService.submitJobs.path,
      (bytes: Uint8Array) => bytes as Buffer,
      (bytes) => JobSubmitResponse.decode(bytes),
      request,
      (error, answer) => {
        if (error) reject(error);
        else resolve(answer?.jobResponseItems.filter(({ jobId }) => jobId !== '').length ?? 0);
      },
    );
  });
}
