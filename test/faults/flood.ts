// Floods a server with submits, as a process of its own: in a closed loop to
// find out what the server takes, in an open one to ask for more than that.
// What is sent costs next to nothing to make, so that the flood takes little of
// the cores that it shares with the server.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { ClientHttp2Session } from 'node:http2';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { JobSubmitRequest, JobSubmitResponse, SubmitService } from '@armada-ts/api/api/submit';
import { Status } from '@armada-ts/api/google/rpc/status';
import { status } from '@grpc/grpc-js';
import { itemOf } from './load.ts';
import { type Answer, ask, framed, openCall, openSession } from './raw-grpc.ts';

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
  /** Calls that were not taken and not told when to ask again. */
  withoutHint: number;
  /** Calls that were due and not made, because this process had not its turn. */
  missed: number;
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
  /** CPU time that the flood took itself. */
  cpuMs: number;
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
  const sessions = Array.from({ length: order.connections }, () => openSession(order.address));
  for (const session of sessions) await once(session, 'remoteSettings');
  const figures: FloodFigures = {
    calls: 0,
    statuses: {},
    withoutHint: 0,
    missed: 0,
    jobs: new Map(),
    jobsInTime: 0,
    unknown: [],
    latenciesMs: [],
    refusalsMs: [],
    seconds: 0,
    cpuMs: 0,
  };
  const nextRequest = createRequests(order);
  const send = async (): Promise<void> => {
    const session = sessions[figures.calls++ % sessions.length];
    if (session) await submit(session, nextRequest(), figures);
  };
  const beganMs = performance.now();
  const untilMs = beganMs + order.forMs;
  let sent: Promise<void>[] = [];
  if ('atATime' in order.pace) {
    const loop = async (): Promise<void> => {
      while (performance.now() < untilMs) await send();
    };
    await Promise.all(Array.from({ length: order.pace.atATime }, loop));
  } else {
    sent = await sendAtPace(send, { callsPerSecond: order.pace.callsPerSecond, beganMs, untilMs }, figures);
  }
  figures.seconds = (performance.now() - beganMs) / 1000;
  figures.jobsInTime = figures.jobs.size;
  await Promise.all(sent);
  const { user, system } = process.cpuUsage();
  figures.cpuMs = (user + system) / 1000;
  for (const session of sessions) session.destroy();
  return figures;
}

/** Sends whether answers come or not; all that was sent. */
async function sendAtPace(
  send: () => Promise<void>,
  { callsPerSecond, beganMs, untilMs }: { callsPerSecond: number; beganMs: number; untilMs: number },
  figures: FloodFigures,
): Promise<Promise<void>[]> {
  const sent: Promise<void>[] = [];
  for (let nowMs = beganMs; nowMs < untilMs; nowMs = performance.now()) {
    const due = ((nowMs - beganMs) / 1000) * callsPerSecond - figures.missed - figures.calls;
    // Who could not keep pace does not make up for it at a stroke.
    const atOnce = Math.min(due, callsPerSecond / 10);
    figures.missed += due - atOnce;
    for (let i = 0; i < atOnce; i++) sent.push(send());
    await sleep(BEAT_MS);
  }
  return sent;
}

interface Request {
  bytes: Buffer;
  clientIds: string[];
}

/** Sends one request and notes what becomes of it. */
async function submit(
  session: ClientHttp2Session,
  { bytes, clientIds }: Request,
  figures: FloodFigures,
): Promise<void> {
  const beganMs = performance.now();
  const call = openCall(session, SubmitService.submitJobs.path);
  const answer = await ask(call, bytes, CALL_MS);
  const name = status[answer.code];
  figures.statuses[name] = (figures.statuses[name] ?? 0) + 1;
  const tookMs = performance.now() - beganMs;
  if (answer.code === status.OK) {
    figures.latenciesMs.push(tookMs);
    const { jobResponseItems } = JobSubmitResponse.decode(answer.message);
    jobResponseItems.forEach(({ jobId }, index) => figures.jobs.set(clientIds[index] ?? '', jobId));
  } else {
    figures.refusalsMs.push(tookMs);
    if (!hasHint(answer)) figures.withoutHint++;
    if (answer.code !== status.RESOURCE_EXHAUSTED) figures.unknown.push(...clientIds);
  }
}

function hasHint({ details }: Answer): boolean {
  return Status.decode(details).details.some(({ typeUrl }) => typeUrl.endsWith('google.rpc.RetryInfo'));
}

/** Encoded requests of equal jobs, in which only the client ids differ. */
function createRequests({ queue, jobSetId, prefix, batch }: FloodOrder): () => Request {
  const clientIdOf = (number: number): string => `${prefix}-${String(number).padStart(10, '0')}`;
  const placeholder = clientIdOf(0);
  const items = Array.from({ length: batch }, () =>
    itemOf({ clientId: placeholder, script: `exit 0 # ${'x'.repeat(256)}`, expect: 'succeeded' }),
  );
  const template = framed(JobSubmitRequest.encode({ queue, jobSetId, jobRequestItems: items }).finish());
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
