// The client of the benchmark of schemes: the same calls, over gRPC or REST,
// with whatever says who calls. All requests and tickets are made before the
// clock runs, so that what is measured is the way to the server and the server.
import { toJson } from '@armada-ts/api/json';
import { QueueGetRequest } from '@armada-ts/api/api/queue';
import { JobSubmitRequest, SubmitService } from '@armada-ts/api/api/submit';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { status } from '@grpc/grpc-js';
import { ask, framed, openCall, openSession } from '../../test/faults/raw-grpc.ts';
import { tokenFor } from '../../test/kerberos/tickets.ts';
import { openHttp1 } from '../measuring/http1.ts';
import { serveLoad } from '../measuring/processes.ts';
import { createRequests } from '../measuring/requests.ts';

/** Who calls. */
export interface Credentials {
  /** Value of the header; left out where the connection says it, or nothing. */
  authorization?: string;
  /** Of Kerberos, whose tickets are good for one call each: the environment of who is logged in. */
  tickets?: Readonly<Record<string, string>>;
}

/** Paths of PEM files. */
export interface TlsFiles {
  authorityFile: string;
  certificateFile?: string;
  keyFile?: string;
}

export interface AuthenticatedOrder {
  door: 'gRPC' | 'REST';
  /** `host:port` of the door. */
  address: string;
  /** Plain when left out. */
  tls?: TlsFiles | undefined;
  credentials: Credentials;
  queue: string;
  /** Jobs a call; none for calls that ask for the queue. */
  jobs: number;
  calls: number;
  /** Over gRPC on four connections, over REST on one each. */
  atATime: number;
}

export interface AuthenticatedFigures {
  seconds: number;
  cpuMicros: number;
  latenciesMs: number[];
}

const GRPC_CONNECTIONS = 4;
const CALL_MS = 30_000;

/** A way to the server, on which one call at a time is under way. */
type Send = (
  order: AuthenticatedOrder,
  call: { request: Uint8Array; authorization: string | undefined },
) => Promise<void>;

/** Connections stay open from order to order, as those of programs do. */
const opened = new Map<string, Promise<Send[]>>();

serveLoad<AuthenticatedOrder, AuthenticatedFigures>(async (order) => {
  const senders = await sendersFor(order);
  const authorizations = await authorizationsFor(order);
  const requests = requestsFor(order);
  const latenciesMs: number[] = [];
  let next = 0;
  const cpu = process.cpuUsage();
  const from = performance.now();
  await Promise.all(
    senders.map(async (send) => {
      while (next < order.calls) {
        const call = next++;
        const request = requests[call % requests.length];
        if (!request) throw new Error('no request');
        const sentAt = performance.now();
        await send(order, { request, authorization: authorizations[call % authorizations.length] });
        latenciesMs.push(performance.now() - sentAt);
      }
    }),
  );
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { seconds, cpuMicros: user + system, latenciesMs };
});

function sendersFor(order: AuthenticatedOrder): Promise<Send[]> {
  const key = JSON.stringify([order.door, order.address, order.tls]);
  const found = opened.get(key) ?? (order.door === 'gRPC' ? overGrpc(order) : overRest(order));
  opened.set(key, found);
  return found;
}

async function authorizationsFor({ credentials, calls }: AuthenticatedOrder): Promise<string[]> {
  const { authorization, tickets } = credentials;
  if (!tickets) return authorization === undefined ? [] : [authorization];
  const made: string[] = [];
  for (let i = 0; i < calls; i++) made.push(`Negotiate ${(await tokenFor(tickets)).base64}`);
  return made;
}

/** Messages for gRPC, framed, or bodies for REST; one for all calls that are alike. */
function requestsFor({ door, queue, jobs, calls }: AuthenticatedOrder): Uint8Array[] {
  if (jobs === 0) {
    const asked = QueueGetRequest.encode(QueueGetRequest.create({ name: queue })).finish();
    return [door === 'gRPC' ? framed(asked) : Buffer.alloc(0)];
  }
  const nextRequest = createRequests(queue, `auth-${door}`, 'random');
  return Array.from({ length: calls }, () => {
    const request = nextRequest(jobs);
    if (door === 'gRPC') return framed(request);
    return Buffer.from(JSON.stringify(toJson('api.JobSubmitRequest', JobSubmitRequest.decode(request))));
  });
}

async function overGrpc({ address, tls, atATime }: AuthenticatedOrder): Promise<Send[]> {
  const secure = readTls(tls);
  const sessions = Array.from({ length: GRPC_CONNECTIONS }, () => openSession(address, secure));
  await Promise.all(sessions.map((session) => once(session, 'connect')));
  return Array.from({ length: atATime }, (_, i): Send => {
    const session = sessions[i % GRPC_CONNECTIONS];
    if (!session) throw new Error('no connection');
    return async ({ jobs }, { request, authorization }) => {
      const { path } = jobs === 0 ? SubmitService.getQueue : SubmitService.submitJobs;
      const call = openCall(session, path, authorization === undefined ? {} : { authorization });
      const { code } = await ask(call, Buffer.from(request), CALL_MS);
      if (code !== status.OK) throw new Error(`gRPC: ${status[code]}`);
    };
  });
}

async function overRest({ address, tls, atATime }: AuthenticatedOrder): Promise<Send[]> {
  const secure = readTls(tls);
  const connections = await Promise.all(Array.from({ length: atATime }, () => openHttp1(address, secure)));
  return connections.map(
    (connection): Send =>
      ({ queue, jobs }, { request, authorization }) => {
        const line = jobs === 0 ? `GET /v1/queue/${queue}` : 'POST /v1/job/submit';
        const type = jobs === 0 ? '' : 'content-type: application/json\r\n';
        const said = authorization === undefined ? '' : `authorization: ${authorization}\r\n`;
        const head = `${line} HTTP/1.1\r\nhost: ${address}\r\n${said}${type}content-length: ${request.length}\r\n\r\n`;
        const expected = jobs === 0 ? `"${queue}"` : '"jobId":"';
        return connection.ask(Buffer.concat([Buffer.from(head), request]), expected);
      },
  );
}

function readTls(files: TlsFiles | undefined) {
  if (!files) return undefined;
  const { authorityFile, certificateFile, keyFile } = files;
  const own = certificateFile !== undefined && keyFile !== undefined;
  return {
    ca: readFileSync(authorityFile),
    ...(own && { cert: readFileSync(certificateFile), key: readFileSync(keyFile) }),
  };
}
