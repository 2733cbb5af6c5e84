/**
 * What is asked of Redis before anything is kept in it, and what level of
 * acknowledgement it can give. Every refusal says what to change.
 */
import { ArmadaError } from '../../base/errors.ts';
import type { AcknowledgementLevel } from '../store.ts';
import type { ServerInfo } from './wire.ts';

/** The oldest version that has all that is used. */
const OLDEST_VERSION = [7, 0] as const;

/** Throws UNAVAILABLE for a server that must not be used; returns warnings, a sentence each. */
export function checkServers(servers: readonly ServerInfo[]): string[] {
  for (const { address, fields } of servers) {
    const refuse = (reason: string): never => {
      throw new ArmadaError('UNAVAILABLE', `Redis at ${address} ${reason}`);
    };
    const version = fields.get('redis_version') ?? '';
    const [major = 0, minor = 0] = version.split('.').map(Number);
    if (major < OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor < OLDEST_VERSION[1])) {
      refuse(`is version ${version}; version ${OLDEST_VERSION.join('.')} or later is needed`);
    }
    const policy = fields.get('maxmemory_policy') ?? 'noeviction';
    if (policy !== 'noeviction') {
      refuse(`may evict data (maxmemory-policy ${policy}); set maxmemory-policy noeviction`);
    }
    if (fields.get('loading') === '1') refuse('is still loading its data; try again when it has');
    if ((fields.get('role') ?? 'master') !== 'master') {
      refuse('is a replica; name its master, or the Sentinels that know the master');
    }
    if (fields.get('cluster_state') === 'fail') {
      refuse('says that its Cluster does not serve all slots; repair it, see redis-cli --cluster check');
    }
  }
  return servers.flatMap(warningsAbout);
}

function warningsAbout({ address, fields }: ServerInfo): string[] {
  const warnings: string[] = [];
  if (fields.get('aof_enabled') !== '1') {
    warnings.push(`Redis at ${address} keeps no append-only file: a restart loses jobs; set appendonly yes`);
  } else if (fields.get('appendfsync') === 'no') {
    warnings.push(`Redis at ${address} leaves writing to the system; set appendfsync always or everysec`);
  }
  if (fields.get('maxmemory') === '0') {
    warnings.push(
      `Redis at ${address} has no bound on its memory; set maxmemory, so that it refuses writes before the system ends it`,
    );
  }
  return warnings;
}

/** The level that was asked for, or the strongest there is. Throws INVALID_REQUEST for one that these servers cannot give. */
export function acknowledgementOf(
  servers: readonly ServerInfo[],
  wanted: AcknowledgementLevel | undefined,
): AcknowledgementLevel {
  const missing = (level: AcknowledgementLevel): string[] =>
    servers.flatMap((server) => faultsOf(server, level));
  if (wanted === undefined) {
    return (['replicated', 'synced'] as const).find((level) => missing(level).length === 0) ?? 'local';
  }
  const [fault] = missing(wanted);
  if (fault === undefined) return wanted;
  throw new ArmadaError('INVALID_REQUEST', `Redis cannot give the acknowledgement level ${wanted}`, {
    faults: [{ field: 'store.acknowledgement', message: fault }],
  });
}

/** Why a server cannot give a level. */
function faultsOf({ address, fields }: ServerInfo, level: AcknowledgementLevel): string[] {
  if (level === 'synced') {
    const mode = fields.get('aof_enabled') === '1' ? (fields.get('appendfsync') ?? 'unknown') : 'off';
    if (mode === 'always') return [];
    const found = mode === 'off' ? 'has no append-only file' : `has appendfsync ${mode}`;
    return [`must not be "synced" while ${address} ${found}; set appendonly yes and appendfsync always`];
  }
  if (level === 'replicated' && onlineReplicas(fields) === 0) {
    return [`must not be "replicated" while ${address} has no replica; attach one`];
  }
  return [];
}

/** Replicas that follow, and are not just being filled. */
function onlineReplicas(fields: ReadonlyMap<string, string>): number {
  return [...fields].filter(([name, value]) => /^slave\d+$/.test(name) && value.includes('state=online'))
    .length;
}
