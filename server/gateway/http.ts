/**
 * The HTTP port: what each request passes, in order. The guard looks at where it
 * comes from; calls go to the first protocol that knows their path; what is left
 * are pages.
 */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import fastify, { type FastifyError, type FastifyInstance } from 'fastify';
import type { Admission } from '../door/admission.ts';
import type { Door } from '../door/call.ts';
import type { Service } from '../door/method.ts';
import { SLOW_CLIENT_MS } from '../door/sender.ts';
import { createConnectHandler } from './connect/handler.ts';
import { loadAhead } from './connect/load-ahead.ts';
import { createGuard, type GuardOptions } from './guard.ts';
import { createListener, type Listener } from './protocols.ts';
import { nameRequest, turnAwayOf } from './turn-away.ts';
import type { LiveTls } from '../tls/live-tls.ts';
import { createRestHandler } from './rest/handler.ts';

/** Adds pages to what is served besides calls. What calls are let in by on that port is for pages that take work. */
export type Page = (server: FastifyInstance, port: { admission: Admission }) => void;

export interface HttpOptions extends Omit<GuardOptions, 'isSecure'> {
  door: Door;
  admission: Admission;
  /** Those that anybody may call. */
  services: readonly Service[];
  /** Largest request taken, in bytes after decompression. */
  maxRequestBytes: number;
  pages: readonly Page[];
  /** Plain when left out. */
  tls?: LiveTls | undefined;
}

/** A protocol by which services are called, over either version of HTTP. */
export interface CallHandler {
  /** Takes the request, or tells by false that it is none of its own. */
  handle(request: IncomingMessage, response: ServerResponse): boolean;
}

/** Largest body of a page's request; none so far takes one. */
const MAX_PAGE_REQUEST_BYTES = 64 * 1024;

const PLAIN_TEXT = 'text/plain; charset=utf-8';

export async function createHttpServer(options: HttpOptions): Promise<Listener> {
  const { slowClientMs = SLOW_CLIENT_MS } = options.door;
  const isSecure = options.tls !== undefined;
  const guard = createGuard({ ...options, isSecure }, turnAwayOf(options.door));
  const connect = createConnectHandler(options);
  const handlers: readonly CallHandler[] = [connect, createRestHandler(options)];
  const closing = new AbortController();
  const pages = fastify({ bodyLimit: MAX_PAGE_REQUEST_BYTES });
  for (const page of options.pages) page(pages, options);
  // As for every path that no route has.
  pages.setNotFoundHandler((_, reply) => {
    options.door.observer.refused('path');
    return reply.code(404).type(PLAIN_TEXT).send('Not Found\n');
  });
  // Left to itself the library would tell the reader what went wrong, and nobody else.
  pages.setErrorHandler((error: FastifyError, request, reply) => {
    const { statusCode = 500 } = error;
    const [path] = request.url.split('?', 1);
    const requestId = reply.raw.getHeader('x-request-id');
    if (statusCode >= 500) options.door.logger.error({ err: error, path, requestId }, 'a page failed');
    else options.door.observer.refused('body');
    return reply.code(statusCode).type(PLAIN_TEXT).send(`${STATUS_CODES[statusCode]}\n`);
  });
  await pages.ready();
  const listener = createListener({
    tls: options.tls,
    handle: (request, response) => {
      if (!guard(request, response)) return;
      request.url = targetOf(request);
      if (handlers.some((handler) => handler.handle(request, response))) return;
      response.setTimeout(slowClientMs, () => void response.destroy());
      nameRequest(options.door, { request, response });
      pages.routing(request, response);
    },
  });
  return {
    listen: (host, port) => {
      if (options.services.length > 0) void loadAhead(connect.parts, { signal: closing.signal });
      return listener.listen(host, port);
    },
    close: async () => {
      closing.abort();
      await listener.close();
      await pages.close();
    },
  };
}

/** Path and query. Proxies may send the whole address, host and all. */
function targetOf({ url = '' }: IncomingMessage): string {
  if (url.startsWith('/')) return url;
  const target = url.replace(/^https?:\/\/[^/?]*/i, '');
  return target === '' || target.startsWith('?') ? `/${target}` : target;
}
