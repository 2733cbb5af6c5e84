// The same calls as browsers make them, by Connect and gRPC-Web: bytes put
// together here, so that no library hides what the server says.
import type { IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { Status } from '@armada-ts/api/google/rpc/status';
import { Metadata, status } from '@grpc/grpc-js';
import { type AnyMethod, answered, type Outcome, refused, serviceError } from './calls.ts';
import { send, type Sent } from './rest-calls.ts';

export type WebProtocol = 'Connect' | 'gRPC-Web';

export interface WebCall extends Pick<Sent, 'metadata' | 'tls'> {
  method: AnyMethod;
  request: object;
}

/** Makes a call; of a stream of answers the first counts. */
export async function webCall(url: string, protocol: WebProtocol, call: WebCall): Promise<Outcome> {
  try {
    for await (const answer of answersOf(url, protocol, call)) return answered(answer);
    return answered(undefined);
  } catch (error) {
    return refused(error);
  }
}

/** All answers of a call as they come. Rejects with a refusal as a client of gRPC is told it. */
export async function* answersOf(
  url: string,
  protocol: WebProtocol,
  call: WebCall,
): AsyncGenerator<object, void> {
  const isAtOnce = protocol === 'Connect' && !call.method.responseStream;
  const response = await post(url, CONTENT_TYPES[isAtOnce ? 'at once' : protocol], call);
  try {
    if (isAtOnce) yield call.method.responseDeserialize(await answerOf(response));
    else {
      const messages = protocol === 'Connect' ? messagesByConnect(response) : messagesByGrpcWeb(response);
      for await (const message of messages) yield call.method.responseDeserialize(message);
    }
  } finally {
    response.destroy();
  }
}

const CONTENT_TYPES = {
  'at once': 'application/proto',
  Connect: 'application/connect+proto',
  'gRPC-Web': 'application/grpc-web+proto',
} as const;

async function post(
  url: string,
  contentType: string,
  { method, request, metadata, tls }: WebCall,
): Promise<IncomingMessage> {
  const message = method.requestSerialize(request);
  const head = Buffer.alloc(contentType === CONTENT_TYPES['at once'] ? 0 : 5);
  if (head.length > 0) head.writeUInt32BE(message.length, 1);
  const asked = metadata?.clone() ?? new Metadata();
  asked.set('connect-protocol-version', '1');
  const body = Buffer.concat([head, message]);
  return await send(url + method.path, 'POST', { metadata: asked, body, contentType, tls });
}

interface ConnectFailure {
  code: string;
  message?: string;
  details?: { type: string; value: string }[];
}

interface ConnectEnd {
  error?: ConnectFailure;
  metadata?: Record<string, string[]>;
}

async function answerOf(response: IncomingMessage): Promise<Buffer> {
  const bytes = await buffer(response);
  if (response.statusCode === 200) return bytes;
  throw connectError(JSON.parse(bytes.toString()) as ConnectFailure, response.headers['www-authenticate']);
}

async function* messagesByConnect(response: IncomingMessage): AsyncGenerator<Buffer, void> {
  for await (const { flags, bytes } of framesOf(response)) {
    if ((flags & 2) === 0) {
      yield bytes;
      continue;
    }
    const { error, metadata } = JSON.parse(bytes.toString()) as ConnectEnd;
    if (error) throw connectError(error, metadata?.['www-authenticate']?.join(', '));
    return;
  }
  throw new Error('the stream broke off');
}

function connectError(
  { code, message = '', details = [] }: ConnectFailure,
  challenge: string | undefined,
): Error {
  const name = code.toUpperCase().replace('CANCELED', 'CANCELLED') as keyof typeof status;
  return serviceError({
    code: status[name],
    message,
    details: details.map(({ type, value }) => ({
      typeUrl: `type.googleapis.com/${type}`,
      value: Buffer.from(value, 'base64'),
    })),
    challenge,
  });
}

async function* messagesByGrpcWeb(response: IncomingMessage): AsyncGenerator<Buffer, void> {
  const told = new Map(Object.entries(response.headers));
  for await (const { flags, bytes } of framesOf(response)) {
    if ((flags & 0x80) === 0) {
      yield bytes;
      continue;
    }
    for (const [, name = '', value] of bytes.toString('latin1').matchAll(/^([\w-]+): ?(.*)\r$/gm))
      told.set(name.toLowerCase(), value);
  }
  const text = (name: string): string | undefined => told.get(name)?.toString();
  const code = Number(text('grpc-status') ?? status.UNKNOWN);
  if (code === status.OK) return;
  const packed = text('grpc-status-details-bin');
  throw serviceError({
    code,
    message: decodeURIComponent(text('grpc-message') ?? ''),
    details: packed === undefined ? [] : Status.decode(Buffer.from(packed, 'base64')).details,
    challenge: text('www-authenticate'),
  });
}

async function* framesOf(response: IncomingMessage): AsyncGenerator<{ flags: number; bytes: Buffer }> {
  let kept = Buffer.alloc(0);
  for await (const chunk of response as AsyncIterable<Buffer>) {
    kept = Buffer.concat([kept, chunk]);
    while (kept.length >= 5 && kept.length >= 5 + kept.readUInt32BE(1)) {
      const end = 5 + kept.readUInt32BE(1);
      yield { flags: kept.readUInt8(), bytes: kept.subarray(5, end) };
      kept = kept.subarray(end);
    }
  }
}
