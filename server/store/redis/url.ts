/**
 * Where Redis is, as one text:
 *
 *     redis://host:6379/0                     one server
 *     redis+sentinel://host,host:26380/name   behind Sentinel, by the name of the master
 *     redis+cluster://host,host,host          a Cluster; also redis:// with several hosts
 *
 * `rediss` in place of `redis` is with TLS. User and password stand before the
 * hosts as in any URL; a user and password of the Sentinels themselves, and the
 * text before every key, are parameters: `?prefix=team-a:&sentinel-password=...`.
 */
import { ArmadaError } from '../../base/errors.ts';

/** A server's address. */
export interface Address {
  host: string;
  port: number;
}

/** What a URL says. */
export interface RedisPlace {
  kind: 'single' | 'sentinel' | 'cluster';
  addresses: readonly Address[];
  tls: boolean;
  username: string | undefined;
  password: string | undefined;
  /** Number of the database; 0 in a Cluster. */
  database: number;
  /** Behind Sentinel: what the master is called there. */
  masterName: string;
  sentinelUsername: string | undefined;
  sentinelPassword: string | undefined;
  /** Text before every key. */
  prefix: string;
}

const URL_SHAPE = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^/?]+)(?:\/([^?]*))?(?:\?(.*))?$/;
const PARAMETERS = new Set(['prefix', 'sentinel-username', 'sentinel-password']);

/** Reads a URL. Throws INVALID_REQUEST that names what is wrong and repeats no secret. */
export function parseRedisUrl(url: string): RedisPlace {
  const shape = URL_SHAPE.exec(url);
  if (!shape)
    throw refusal('must be redis://HOST:PORT, redis+sentinel://HOSTS/NAME or redis+cluster://HOSTS');
  const [, scheme = '', mode, credentials = '', hosts = '', path = '', query = ''] = shape;
  // Nothing of a password may be taken for a host or a name, and so be told.
  if (`${hosts}${path}`.includes('@')) {
    throw refusal('must have "@", "/" and the like in a user or password written as %40, %2F and so on');
  }
  const several = hosts.includes(',');
  const kind = mode === 'sentinel' || mode === 'cluster' ? mode : several ? 'cluster' : 'single';
  const [username, password] = credentialsOf(credentials);
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (!PARAMETERS.has(name)) throw refusal(`has the unknown parameter "${name}"`);
  }
  const prefix = parameters.get('prefix') ?? 'armada:';
  if (/[{}]/.test(prefix)) throw refusal('must have a prefix without braces');
  if (kind === 'sentinel' && path === '')
    throw refusal('must name the master, as redis+sentinel://HOSTS/NAME');
  const database = kind === 'sentinel' || path === '' ? 0 : Number(path);
  if (!Number.isInteger(database) || database < 0)
    throw refusal(`must name a database by number, not "${path}"`);
  if (kind === 'cluster' && database !== 0)
    throw refusal('must not name a database, since a Cluster has one');
  return {
    kind,
    addresses: hosts.split(',').map((host) => addressOf(host, kind === 'sentinel' ? 26_379 : 6379)),
    tls: scheme === 'rediss',
    username,
    password,
    database,
    masterName: kind === 'sentinel' ? decoded(path) : '',
    sentinelUsername: parameters.get('sentinel-username') ?? undefined,
    sentinelPassword: parameters.get('sentinel-password') ?? undefined,
    prefix,
  };
}

/** For people and logs: the place without its secrets. */
export function shownPlace({ kind, addresses, masterName, prefix }: RedisPlace): string {
  const hosts = addresses.map(({ host, port }) => `${host}:${port}`).join(',');
  const shown = {
    single: `redis ${hosts}`,
    sentinel: `redis ${masterName} at sentinels ${hosts}`,
    cluster: `redis cluster ${hosts}`,
  };
  return prefix === 'armada:' ? shown[kind] : `${shown[kind]} ${prefix}`;
}

function credentialsOf(text: string): [string | undefined, string | undefined] {
  if (text === '') return [undefined, undefined];
  const colon = text.indexOf(':');
  const [user, password] = colon < 0 ? [text, ''] : [text.slice(0, colon), text.slice(colon + 1)];
  return [decoded(user) || undefined, decoded(password) || undefined];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refusal('must have %25 for a % in a user, a password or a name');
  }
}

function addressOf(text: string, defaultPort: number): Address {
  const [, host = '', port] = /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(text) ?? [];
  if (host === '' || Number(port ?? 1) > 65_535) throw refusal(`has "${text}" where a host and port belong`);
  return { host: host.replace(/^\[(.*)\]$/, '$1'), port: port === undefined ? defaultPort : Number(port) };
}

function refusal(message: string): ArmadaError {
  return new ArmadaError('INVALID_REQUEST', 'the URL of Redis cannot be used', {
    faults: [{ field: 'store.url', message }],
  });
}
