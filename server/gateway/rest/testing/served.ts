/** A REST port with methods of a test's own under the routes of the contract. */
import { request } from 'node:http';
import { EventService } from '@armada-ts/api/api/event';
import { JobsService } from '@armada-ts/api/api/jobs';
import { SubmitService } from '@armada-ts/api/api/submit';
import type { ServiceDefinition } from '@grpc/grpc-js';
import type { Method, Service } from '../../../door/method.ts';
import { openPort, type TestPort } from '../../testing/ports.ts';

const DEFINITIONS: ServiceDefinition = { ...SubmitService, ...EventService, ...JobsService };

/** A service of the named methods and no others. */
export function serving(methods: Readonly<Record<string, Method>>): Service {
  const named = Object.entries(DEFINITIONS).filter(([name]) => Object.hasOwn(methods, name));
  return { definition: Object.fromEntries(named), methods };
}

export function openRest(
  methods: Readonly<Record<string, Method>>,
  settings: Parameters<typeof openPort>[0] = {},
): Promise<TestPort> {
  return openPort({ services: [serving(methods)], ...settings });
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Buffer;
  text: string;
  /** Undefined when it is no JSON. */
  json: unknown;
}

/** Sends exactly what it is told to, and does not unpack the answer. */
export function ask(
  port: TestPort,
  line: string,
  { headers = {}, body }: { headers?: Record<string, string | string[]>; body?: string | Uint8Array } = {},
): Promise<Answer> {
  const [method = '', path = ''] = line.split(' ');
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const type = body === undefined ? {} : { 'content-type': 'application/json' };
  const asked = request(`${port.url}${path}`, { method, headers: { ...type, ...headers } }, (response) => {
    response.toArray().then((chunks: Buffer[]) => {
      const bytes = Buffer.concat(chunks);
      resolve({
        status: response.statusCode ?? 0,
        headers: new Headers(response.headers as Record<string, string>),
        body: bytes,
        text: bytes.toString(),
        json: jsonIn(bytes.toString()),
      });
    }, reject);
  });
  asked.on('error', reject);
  asked.end(body);
  return promise;
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
