// Floods a server with submits, as a process of its own: in a closed loop to
// find out what the server takes, in an open one to ask for more than that.
// What is sent costs next to nothing to make, so that the flood takes little of
// the cores that it shares with the server.
import { once } from 'node:events';
import { fork } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { JobSubmitRequest, JobSubmitResponse, SubmitService } from '@armada-ts/api/api/submit';
import { Status } from '@armada-ts/api/google/rpc/status';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { itemOf } from './load.ts';

export interface FloodOrder {
  address: string;
  queue: string;
  jobSetId: string;
  /** Leads the client ids, so that no other flood has the same. */
  prefix: string;
  connections: number;
  /** Jobs of one call. */
  batch: number;
  forMs: number;
  /** Calls a second, whether earlier ones were answered or not; or so many at a time, each after the answer to one before. */
  pace: { callsPerSecond: number } | { atATime: number };
}

export interface FloodFigures {
  calls: number;
  /** Calls by the name of their status. */
  statuses: Record<string, number>;
  /** Refusals that did not say when to ask again. */
  withoutHint: number;
  /** Ids of the jobs that were acknowledged, by client id. */
  jobs: Map<string, string>;
  /** How many of them were before the flood had been sent. */
  jobsInTime: number;
  /** Client ids of the jobs of which nothing is known. */
  unknown: string[];
  /** Of the calls that were answered with ids. */
  latenciesMs: number[];
  /** Of the refusals. */
  refusalsMs: number[];
  seconds: number;
}

/** What was not answered by then is given up. */
const CALL_MS = 30_000;
const BEAT_MS = 10;

/** Has a flood made by a process of its own. */
export async function flood(order: FloodOrder): Promise<FloodFigures> {
  const child = fork(fileURLToPath(import.meta.url), {
    execArgv: ['--conditions=source', '--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
  });
  const over = new AbortController();
  const gone = once(child, 'exit', { signal: over.signal }).then(() => {
    throw new Error('the flood ended before it was over');
  });
  gone.catch(() => {});
  child.send(order);
  const [figures] = (await Promise.race([once(child, 'message'), gone])) as [FloodFigures];
  over.abort();
  child.disconnect();
  await once(child, 'exit');
  return figures;
}

async function serve(order: FloodOrder): Promise<FloodFigures> {
  const clients = Array.from(
    { length: order.connections },
    () => new Client(order.address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 }),
  );
  for (const client of clients) await connected(client);
  const figures: FloodFigures = {
    calls: 0,
    statuses: {},
    withoutHint: 0,
    jobs: new Map(),
    jobsInTime: 0,
    unknown: [],
    latenciesMs: [],
    refusalsMs: [],
    seconds: 0,
  };
  const nextRequest = createRequests(order);
  const ask = async (): Promise<void> => {
    const client = clients[figures.calls++ % clients.length];
    if (client) await call(client, nextRequest(), figures);
  };
  const beganMs = performance.now();
  const untilMs = beganMs + order.forMs;
  if ('atATime' in order.pace) {
    const loop = async (): Promise<void> => {
      while (performance.now() < untilMs) await ask();
    };
    await Promise.all(Array.from({ length: order.pace.atATime }, loop));
    figures.jobsInTime = figures.jobs.size;
    figures.seconds = (performance.now() - beganMs) / 1000;
  } else {
    const asked: Promise<void>[] = [];
    let missed = 0;
    for (let nowMs = beganMs; nowMs < untilMs; nowMs = performance.now()) {
      const due = ((nowMs - beganMs) / 1000) * order.pace.callsPerSecond - missed;
      // Who could not keep pace does not make up for it at a stroke.
      const atOnce = Math.min(due - figures.calls, order.pace.callsPerSecond / 10);
      missed += Math.max(0, due - figures.calls - atOnce);
      for (let i = 0; i < atOnce; i++) asked.push(ask());
      await sleep(BEAT_MS);
    }
    figures.seconds = (performance.now() - beganMs) / 1000;
    figures.jobsInTime = figures.jobs.size;
    await Promise.all(asked);
  }
  for (const client of clients) client.close();
  return figures;
}

function connected(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.waitForReady(Date.now() + CALL_MS, (error) => (error ? reject(error) : resolve()));
  });
}

interface Request {
  bytes: Buffer;
  clientIds: string[];
}

/** Sends one request and notes what becomes of it. */
function call(client: Client, { bytes, clientIds }: Request, figures: FloodFigures): Promise<void> {
  const beganMs = performance.now();
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      SubmitService.submitJobs.path,
      (request: Buffer) => request,
      (response) => JobSubmitResponse.decode(response),
      bytes,
      { deadline: Date.now() + CALL_MS },
      (error, response) => {
        if (error) {
          figures.refusalsMs.push(performance.now() - beganMs);
          noteRefusal(error, clientIds, figures);
        } else {
          note(figures, status.OK);
          figures.latenciesMs.push(performance.now() - beganMs);
          response?.jobResponseItems.forEach(({ jobId }, index) =>
            figures.jobs.set(clientIds[index] ?? '', jobId),
          );
        }
        resolve();
      },
    );
  });
}

function noteRefusal(error: ServiceError, clientIds: readonly string[], figures: FloodFigures): void {
  note(figures, error.code);
  if (error.code === status.RESOURCE_EXHAUSTED) {
    const [bytes] = error.metadata.get('grpc-status-details-bin');
    const { details } = Status.decode(bytes instanceof Buffer ? bytes : Buffer.alloc(0));
    if (!details.some(({ typeUrl }) => typeUrl.endsWith('google.rpc.RetryInfo'))) figures.withoutHint++;
  } else figures.unknown.push(...clientIds);
}

function note({ statuses }: FloodFigures, code: status): void {
  statuses[status[code]] = (statuses[status[code]] ?? 0) + 1;
}

/** Encoded requests of equal jobs, in which only the client ids differ. */
function createRequests({ queue, jobSetId, prefix, batch }: FloodOrder): () => Request {
  const clientIdOf = (number: number): string => `${prefix}-${String(number).padStart(10, '0')}`;
  const placeholder = clientIdOf(0);
  const items = Array.from({ length: batch }, () =>
    itemOf({ clientId: placeholder, script: `exit 0 # ${'x'.repeat(256)}`, expect: 'succeeded' }),
  );
  const template = Buffer.from(JobSubmitRequest.encode({ queue, jobSetId, jobRequestItems: items }).finish());
  const places: number[] = [];
  for (let at = template.indexOf(placeholder); at >= 0; at = template.indexOf(placeholder, at + 1)) {
    places.push(at);
  }
  let made = 0;
  return () => {
    const bytes = Buffer.from(template);
    const clientIds = places.map((at) => {
      const clientId = clientIdOf(++made);
      bytes.write(clientId, at, 'latin1');
      return clientId;
    });
    return { bytes, clientIds };
  };
}

if (process.send && process.argv[1] === fileURLToPath(import.meta.url)) {
  process.once('message', (order: FloodOrder) => {
    void serve(order).then((figures) => process.send?.(figures));
  });
  process.once('disconnect', () => process.exit(0));
}
