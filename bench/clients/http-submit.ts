// The client of the REST benchmark: submits single jobs over REST, Connect JSON or
// gRPC, over bare connections, so that what is measured is the server and not the
// libraries of clients. Over HTTP/1.1 each connection has one request under way.
import { toJson } from '@armada-ts/api/json';
import { JobSubmitRequest, JobSubmitResponse, SubmitService } from '@armada-ts/api/api/submit';
import { randomBytes } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { ask, framed, openCall, openSession } from '../../test/faults/raw-grpc.ts';
import { openHttp1 } from '../measuring/http1.ts';
import { serveLoad } from '../measuring/processes.ts';
import { CLASSES, createRequests } from '../measuring/requests.ts';

export interface HttpSubmitOrder {
  protocol: 'gRPC' | 'REST' | 'Connect JSON';
  /** `host:port` of what serves it. */
  address: string;
  queue: string;
  jobSetId: string;
  calls: number;
  /** Connections, with one call under way each; for gRPC calls under way, on four connections. */
  atATime: number;
}

export interface HttpSubmitFigures {
  seconds: number;
  cpuMicros: number;
  latenciesMs: number[];
}

const GRPC_CONNECTIONS = 4;
const CALL_MS = 30_000;

type Send = () => Promise<void>;

serveLoad<HttpSubmitOrder, HttpSubmitFigures>(async (order) => {
  const { senders, close } = order.protocol === 'gRPC' ? grpcSenders(order) : await httpSenders(order);
  const latenciesMs: number[] = [];
  let left = order.calls;
  const cpu = process.cpuUsage();
  const from = performance.now();
  await Promise.all(
    senders.map(async (send) => {
      while (left-- > 0) {
        const sentAt = performance.now();
        await send();
        latenciesMs.push(performance.now() - sentAt);
      }
    }),
  );
  const seconds = (performance.now() - from) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  close();
  return { seconds, cpuMicros: user + system, latenciesMs };
});

function grpcSenders({ address, queue, jobSetId, atATime }: HttpSubmitOrder): {
  senders: Send[];
  close: () => void;
} {
  const sessions = Array.from({ length: GRPC_CONNECTIONS }, () => openSession(address));
  const nextRequest = createRequests(queue, jobSetId, 'random');
  const senders = Array.from({ length: atATime }, (_, i): Send => {
    const session = sessions[i % GRPC_CONNECTIONS];
    if (!session) throw new Error('no connection');
    return async () => {
      const call = openCall(session, SubmitService.submitJobs.path);
      const { code, message } = await ask(call, framed(nextRequest(1)), CALL_MS);
      if (code !== status.OK) throw new Error(`gRPC: ${status[code]}`);
      if (!JobSubmitResponse.decode(message).jobResponseItems[0]?.jobId) throw new Error('no job id');
    };
  });
  return { senders, close: () => sessions.forEach((session) => session.destroy()) };
}

async function httpSenders(order: HttpSubmitOrder): Promise<{ senders: Send[]; close: () => void }> {
  const nextRequest = createTextRequests(order);
  const connections = await Promise.all(
    Array.from({ length: order.atATime }, () => openHttp1(order.address)),
  );
  const senders = connections.map(
    ({ ask }): Send =>
      () =>
        ask(nextRequest(), '"jobId":"'),
  );
  return { senders, close: () => connections.forEach(({ close }) => close()) };
}

/** Whole requests of HTTP/1.1; all but the texts that each job has of its own is made once. */
function createTextRequests({ protocol, address, queue, jobSetId }: HttpSubmitOrder): () => Buffer {
  const path = protocol === 'REST' ? '/v1/job/submit' : SubmitService.submitJobs.path;
  const version = protocol === 'REST' ? '' : 'connect-protocol-version: 1\r\n';
  const nextRequest = createRequests(queue, jobSetId, 'random');
  const templates = Array.from({ length: CLASSES }, () => {
    const message = JobSubmitRequest.decode(nextRequest(1));
    const [item] = message.jobRequestItems;
    const clientId = item?.clientId ?? '';
    const ownText = item?.podSpecs[0]?.containers[0]?.args[1] ?? '';
    const json = toJson('api.JobSubmitRequest', message);
    const body = JSON.stringify(json, protocol === 'REST' ? undefined : spellQuantities);
    const head = `POST ${path} HTTP/1.1\r\nhost: ${address}\r\ncontent-type: application/json\r\n${version}content-length: ${Buffer.byteLength(body)}\r\n\r\n`;
    const bytes = Buffer.from(head + body);
    return { bytes, clientIdAt: placesOf(bytes, clientId), ownTextAt: placesOf(bytes, ownText) };
  });
  let sent = 0;
  return () => {
    const template = templates[sent++ % CLASSES];
    if (!template) throw new Error('no template');
    const bytes = Buffer.from(template.bytes);
    const fresh = randomBytes(16).toString('hex');
    for (const at of template.clientIdAt) bytes.write(fresh, at, 'latin1');
    for (const at of template.ownTextAt) bytes.write(fresh.slice(0, 16), at, 'latin1');
    return bytes;
  };
}

/** Connect takes the JSON of protocol buffers, in which a quantity is the message that it is. */
function spellQuantities(key: string, value: unknown): unknown {
  if (key !== 'requests' && key !== 'limits') return value;
  return Object.fromEntries(Object.entries(value as object).map(([name, string]) => [name, { string }]));
}

function placesOf(bytes: Buffer, text: string): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) places.push(at);
  return places;
}
