/**
 * Who may ask from where. A web page anywhere can make a browser send requests
 * to a loopback port, so requests are taken only under a host name that is ours,
 * and from no other site but those that are configured.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP, isIPv6 } from 'node:net';
import type { TurnAway } from './turn-away.ts';

export interface GuardOptions {
  /** Address it listens on; also a name it may be addressed by. */
  host: string;
  /** Further names. */
  allowedHosts: readonly string[];
  /** Other sites whose pages may call, as browsers name them: `https://example.com`. */
  corsOrigins: readonly string[];
  /** Whether it talks TLS. Pages that came without may be of whoever is on the way. */
  isSecure: boolean;
}

/** Methods of the routes that there are. */
const METHODS = 'GET, HEAD, POST, PUT, PATCH, DELETE';

/** How long a browser may remember that it may ask, in seconds. */
const PREFLIGHT_SECONDS = 7200;

/** Answer headers that pages may read, besides the few that they always may. */
const EXPOSED = [
  'grpc-status',
  'grpc-message',
  'grpc-status-details-bin',
  'www-authenticate',
  'x-request-id',
  'armada-version-notice',
  'retry-after',
].join(', ');

/**
 * Answers what is not to be let in, and what browsers ask beforehand. Tells whether the request may go on.
 * @param turnAway is told of what is refused, before it is
 */
export function createGuard({ host, allowedHosts, corsOrigins, isSecure }: GuardOptions, turnAway: TurnAway) {
  const names = new Set(['localhost', host, ...allowedHosts].map(inHeader));
  const origins = new Set(corsOrigins.map((origin) => origin.toLowerCase()));

  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const asked = askedHost(request);
    const name = hostName(asked);
    // An address cannot be made to point elsewhere as a name can, and probes use addresses.
    if (!names.has(name) && !isAddress(name)) {
      turnAway({ request, response }, 'host');
      return refuse(response, 421, 'this server does not go by that host name; see http.allowedHosts\n');
    }
    // Whatever is kept of an answer is for one site only, though it was asked for by none.
    if (origins.size > 0) response.setHeader('vary', 'Origin');
    const { origin } = request.headers;
    if (origin === undefined ? !isForOtherPage(request) : isOwnOrigin(origin, asked, isSecure)) return true;
    if (origin === undefined || !origins.has(origin.toLowerCase())) {
      turnAway({ request, response }, 'origin');
      return refuse(response, 403, 'requests from other sites are refused; see http.corsOrigins\n');
    }
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-allow-credentials', 'true');
    if (request.method !== 'OPTIONS' || !('access-control-request-method' in request.headers)) {
      response.setHeader('access-control-expose-headers', EXPOSED);
      return true;
    }
    answerPreflight(request, response);
    return false;
  };
}

/** Any header may be sent: credentials, and metadata under names of the caller's choice. */
function answerPreflight(request: IncomingMessage, response: ServerResponse): void {
  const asked = request.headers['access-control-request-headers'];
  if (typeof asked === 'string') response.setHeader('access-control-allow-headers', asked);
  response.setHeader('access-control-allow-methods', METHODS);
  response.setHeader('access-control-max-age', PREFLIGHT_SECONDS);
  response.writeHead(204);
  response.end();
}

function refuse(response: ServerResponse, status: number, text: string): false {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
  return false;
}

/** HTTP/2 has a header of its own for it. */
function askedHost({ headers }: IncomingMessage): string {
  const authority = headers[':authority'];
  return (typeof authority === 'string' ? authority : headers.host) ?? '';
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

/**
 * Whether a browser fetches it for a page of another site, as it does pictures,
 * with whatever credentials it has by itself: the page would learn whether there
 * is an answer. Links may lead here from anywhere.
 */
function isForOtherPage({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return (site === 'cross-site' || site === 'same-site') && headers['sec-fetch-mode'] !== 'navigate';
}

/** Whether a page of this very port sent the request: another port is another site. */
function isOwnOrigin(origin: string, host: string, isSecure: boolean): boolean {
  try {
    const url = new URL(origin);
    return url.host === host.toLowerCase() && (!isSecure || url.protocol === 'https:');
  } catch {
    return false;
  }
}
