// Redis servers for benchmarks, and what they say of themselves.
import { createDirectory, redisCli, type RedisServer, startRedis } from '../../test/store/redis.servers.ts';

/** How what Redis holds gets to its disk. */
export type Persistence = 'off' | 'everysec' | 'always';

/**
 * Starts a server that only appends to its file: it makes no snapshots, and does
 * not rewrite the file in the middle of one measurement and not of another.
 */
export async function startBenchRedis(persistence: Persistence): Promise<RedisServer> {
  const appending = persistence === 'off' ? [] : ['--appendonly', 'yes', '--appendfsync', persistence];
  const settings = ['--save', '', '--auto-aof-rewrite-percentage', '0', ...appending];
  return await startRedis(await createDirectory(), settings);
}

/** How the settings of such a server are shown. */
export function shownPersistence(persistence: Persistence): string {
  return persistence === 'off' ? 'append-only file off' : `append-only file, fsync ${persistence}`;
}

/** Bytes that Redis has allocated. */
export async function usedMemory({ port }: RedisServer): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redisCli(port, 'info', 'memory'))?.[1]);
}

/** Empties one database. */
export async function flush({ port }: RedisServer, database: number): Promise<void> {
  await redisCli(port, '-n', String(database), 'flushdb', 'sync');
}
