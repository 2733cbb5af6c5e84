/**
 * The HTTP port. A web page anywhere can make a browser send requests to a
 * loopback port, so requests are taken only under a host name that is ours, and
 * from no other site.
 */
import { isIP, isIPv6 } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';

export interface HttpOptions {
  /** Address it listens on; also a name it may be addressed by. */
  host: string;
  /** Further names. */
  allowedHosts: readonly string[];
  /** What is not in order; empty when all is well. */
  health: () => Promise<string[]> | string[];
  /** What people should know though all is well. */
  notices: () => readonly string[];
  /** What this server is, for whoever asks for more. */
  describe: () => readonly string[];
}

/** Makes the HTTP server; the caller listens and closes. */
export function createHttpServer({
  host,
  allowedHosts,
  health,
  notices,
  describe,
}: HttpOptions): FastifyInstance {
  const server = fastify({ forceCloseConnections: true, bodyLimit: 4 * 1024 * 1024, requestTimeout: 30_000 });
  const names = new Set(['localhost', host, ...allowedHosts].map(inHeader));

  server.addHook('onRequest', async (request, reply) => {
    const name = hostName(request.headers.host ?? '');
    // An address cannot be made to point elsewhere as a name can, and probes use addresses.
    if (!names.has(name) && !isAddress(name)) {
      const text = 'this server does not go by that host name; see http.allowedHosts\n';
      return await reply.code(421).type('text/plain').send(text);
    }
    const { origin } = request.headers;
    if (origin !== undefined && !isOwnOrigin(origin, request.headers.host)) {
      return await reply.code(403).type('text/plain').send('requests from other sites are refused\n');
    }
    return undefined;
  });

  // Armada's form: an empty 204, or 503 with a line for each fault. Where there is something to say though nothing is wrong, 200 and a line for it.
  server.get<{ Querystring: { verbose?: string } }>('/health', async (request, reply) => {
    let faults: string[];
    try {
      faults = await health();
    } catch {
      faults = ['the state of health could not be found out'];
    }
    const isVerbose = request.query.verbose !== undefined;
    const lines = [...faults, ...notices(), ...(isVerbose ? describe() : [])];
    if (lines.length === 0) return await reply.code(204).send();
    return await reply
      .code(faults.length > 0 ? 503 : 200)
      .type('text/plain')
      .send(`${lines.join('\n')}\n`);
  });
  return server;
}

/** A configured name as it stands in a header: IPv6 addresses in brackets there. */
function inHeader(name: string): string {
  return isIPv6(name) ? `[${name.toLowerCase()}]` : name.toLowerCase();
}

/** The name of a Host header, without its port. */
function hostName(host: string): string {
  return host.replace(/:\d*$/, '').toLowerCase();
}

function isAddress(name: string): boolean {
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** Whether a page of this very port sent the request: another port is another site. */
function isOwnOrigin(origin: string, host: string | undefined): boolean {
  try {
    return new URL(origin).host === host?.toLowerCase();
  } catch {
    return false;
  }
}
