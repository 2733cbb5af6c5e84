// Streams that are held open on every door, and how they end.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventService } from '@armada-ts/api/api/event';
import { ExecutorLinkServiceService } from '@armada-ts/api/armada/executor/v1/executor';
import { LogServiceService } from '@armada-ts/api/armada/logs/v1/logs';
import { ExecutorApiService } from '@armada-ts/api/executorapi/executorapi';
import { ServerReflectionService } from '@armada-ts/api/grpc/reflection/v1/reflection';
import { toClientError } from '@armada-ts/client/errors';
import { type Client, type ClientReadableStream, type Metadata, status } from '@grpc/grpc-js';
import type { AnyMethod } from './calls.ts';
import type { Ports } from './doors.ts';
import { routeOf, send, spelled } from './rest-calls.ts';
import { answersOf, type WebProtocol } from './web-calls.ts';

/** Nobody goes on for longer with what they have lost. */
const BOUND_MS = 5000;

const LINK_OPENS_MS = 300;

/** A stream that has begun. */
export interface Open {
  what: string;
  /** The name of its status. */
  end: Promise<string>;
}

/** Whose streams, and on which server. Some credentials are good for one call. */
export interface Opener {
  ports: Ports;
  credentials: () => Promise<Metadata> | Metadata;
}

/** Watches of a job set that has events, by every protocol and both methods. */
export async function openWatches(by: Opener, queue: string): Promise<Open[]> {
  const position = { queue, watch: true, fromMessageId: '', errorIfMissing: false };
  const request = { ...position, id: 'set', jobSetId: 'set', fromId: '' };
  const asked = { method: EventService.getJobSetEvents as unknown as AnyMethod, request };
  const older = { method: EventService.watch as unknown as AnyMethod, request };
  return await Promise.all([
    ...onEveryDoor(by, asked, 'watch'),
    openByGrpc(by, by.ports.grpc, { ...older, what: 'older watch' }),
  ]);
}

/** Follows what a job writes, by every protocol that has it; the job must have written something. */
export async function openLogs(by: Opener, jobId: string): Promise<Open[]> {
  const request = { jobId, runId: '', container: '', offset: 0n, follow: true };
  const asked = { method: LogServiceService.readLog as unknown as AnyMethod, request };
  return await Promise.all(onEveryDoor(by, asked, 'log'));
}

/** What executors hold open, and what tools do. */
export async function openTalks(by: Opener, executorId: string): Promise<Open[]> {
  const { grpc } = by.ports;
  const resources = { resources: new Map(), minimumJobSize: new Map(), nodes: [] };
  const lease = { ...resources, executorId, pool: '', maxJobsToLease: 1, unassignedJobRunIds: [] };
  const hello = { message: { $case: 'hello', value: { executorId } } };
  const question = { host: '', messageRequest: { $case: 'listServices', value: '' } };
  // So our own executors keep their lease streams, which are else over with the first answer.
  const marked = async (): Promise<Metadata> => {
    const metadata = (await by.credentials()).clone();
    metadata.set('armada-lease', 'push');
    metadata.set('armada-session', executorId);
    metadata.set('armada-stream', '1');
    return metadata;
  };
  const methods = {
    leases: [ExecutorApiService.leaseJobRuns, lease],
    link: [ExecutorLinkServiceService.link, hello],
    reflection: [ServerReflectionService.serverReflectionInfo, question],
  } as const;
  return await Promise.all(
    Object.entries(methods).map(([what, [method, request]]) =>
      openByGrpc({ ports: by.ports, credentials: marked }, grpc, {
        method: method as unknown as AnyMethod,
        request,
        what,
      }),
    ),
  );
}

interface Asked {
  method: AnyMethod;
  request: object;
}

function onEveryDoor(by: Opener, asked: Asked, what: string): Promise<Open>[] {
  const { grpc, http } = by.ports;
  return [
    openByGrpc(by, grpc, { ...asked, what: `${what} by gRPC` }),
    openByGrpc(by, http, { ...asked, what: `${what} by gRPC on the HTTP port` }),
    openOnWeb(by, 'Connect', asked, what),
    openOnWeb(by, 'gRPC-Web', asked, what),
    // Logs are not there by REST.
    ...(routeOf(asked.method.path) ? [openByRest(by, asked, what)] : []),
  ];
}

async function openByGrpc(
  { credentials }: Opener,
  client: Client,
  { method, request, what }: Asked & { what: string },
): Promise<Open> {
  const { path, requestSerialize, responseDeserialize } = method;
  const who = await credentials();
  if (!method.requestStream) {
    const stream = client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, who);
    return await begun(stream, what);
  }
  const stream = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, who);
  stream.write(request);
  return await begun(stream, what);
}

async function begun(stream: ClientReadableStream<object>, what: string): Promise<Open> {
  const end = new Promise<string>((resolve) => {
    stream.once('error', (error: Error & { code?: number }) =>
      resolve(status[error.code ?? 0] ?? String(error)),
    );
    stream.once('end', () => resolve('OK'));
  });
  // A link hears nothing until it is asked something, so it is given a moment.
  await Promise.race([once(stream, 'data'), end, sleep(LINK_OPENS_MS)]);
  stream.resume();
  return { what, end };
}

async function openOnWeb(
  { ports: { url, tls }, credentials }: Opener,
  protocol: WebProtocol,
  asked: Asked,
  what: string,
): Promise<Open> {
  const answers = answersOf(url, protocol, { ...asked, metadata: await credentials(), tls });
  await answers.next();
  const rest = async (): Promise<string> => {
    for await (const _ of answers);
    return 'OK';
  };
  return { what: `${what} by ${protocol}`, end: rest().catch((error: unknown) => toClientError(error).code) };
}

async function openByRest(
  { ports: { url, tls }, credentials }: Opener,
  { method, request }: Asked,
  what: string,
): Promise<Open> {
  const route = routeOf(method.path);
  if (!route) throw new TypeError(`${method.path} has no route`);
  const { target, body } = spelled(route, request);
  const response = await send(`${url}${target}`, route.verb, { metadata: await credentials(), body, tls });
  response.setEncoding('utf8');
  let text = '';
  response.on('data', (chunk: string) => (text += chunk));
  const ended = once(response, 'end').then(() => {
    const last = JSON.parse(text.trim().split('\n').at(-1) ?? '') as { error?: { grpc_code: number } };
    return status[last.error?.grpc_code ?? 0] ?? '';
  });
  const end = ended.catch(() => 'broken off');
  await once(response, 'data');
  return { what: `${what} by REST`, end };
}

/** How streams end that do within the bound, each with what it is. */
export async function endings(streams: readonly Open[], boundMs = BOUND_MS): Promise<string[]> {
  const late = sleep(boundMs, 'still open', { ref: false });
  return await Promise.all(
    streams.map(async ({ what, end }) => `${what}: ${await Promise.race([end, late])}`),
  );
}

/** What endings() is to tell of them. */
export function allEnding(streams: readonly Open[], code: string): string[] {
  return streams.map(({ what }) => `${what}: ${code}`);
}
