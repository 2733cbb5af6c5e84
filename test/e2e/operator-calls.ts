// Calls of the operator port as operators make them: by HTTPS, trusting the
// server's own authority, and by gRPC with TLS.
import { request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders } from 'node:http';
import { json } from 'node:stream/consumers';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { OperatorAccess } from './server.ts';

export interface HttpsCall {
  method?: string;
  path: string;
  /** Value of the header; none when left out. */
  authorization?: string | undefined;
  headers?: Record<string, string>;
  body?: object;
}

export interface HttpsAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  /** Undefined where it has none. */
  body: Record<string, unknown> | undefined;
}

/** Rejects when the server does not prove who it is. */
export function callHttps(
  { url, authority }: Pick<OperatorAccess, 'url' | 'authority'>,
  { method = 'GET', path, authorization, headers = {}, body }: HttpsCall,
): Promise<HttpsAnswer> {
  return new Promise((resolve, reject) => {
    const sent = httpsRequest(
      new URL(path, url),
      {
        method,
        agent: false,
        ca: authority,
        servername: 'localhost',
        headers: {
          ...headers,
          ...(authorization !== undefined && { authorization }),
          ...(body && { 'content-type': 'application/json' }),
        },
      },
      (answer) => {
        const { statusCode: status = 0, headers: answered } = answer;
        const isJson = answered['content-type']?.startsWith('application/json') ?? false;
        const read = isJson ? json(answer) : Promise.resolve(void answer.resume());
        read.then(
          (value) => resolve({ status, headers: answered, body: value as HttpsAnswer['body'] }),
          reject,
        );
      },
    );
    sent.on('error', reject);
    sent.end(body && JSON.stringify(body));
  });
}

/** A client of the operator port by gRPC. By name, as addresses are not sent in a handshake. */
export function openOperatorClient({ address, authority }: OperatorAccess): Client {
  const options = { 'grpc.ssl_target_name_override': 'localhost' };
  return new Client(address, credentials.createSsl(Buffer.from(authority)), options);
}

/** Metadata with these credentials. */
export function presenting({ authorization }: Pick<OperatorAccess, 'authorization'>): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', authorization);
  return metadata;
}
