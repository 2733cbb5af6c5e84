/** Picks the engine of a store by its URL: the only file that knows which there are. */
import { resolve } from 'node:path';
import type { Clock } from './base/clock.ts';
import { invalidField } from './base/errors.ts';
import type { Logger } from './base/logger.ts';
import type { Config } from './config.ts';
import type { Export, Import } from './store/copy.ts';
import { openRedisExport } from './store/redis/export.ts';
import { openRedisImport } from './store/redis/import.ts';
import { openRedisStore } from './store/redis/open.ts';
import { declareRestored } from './store/redis/restored.ts';
import { openSqliteExport } from './store/sqlite/export.ts';
import { openSqliteImport } from './store/sqlite/import.ts';
import { openSqliteStore } from './store/sqlite/open.ts';
import type { Store } from './store/store.ts';

/** Opens the store that a server is to use, making it if there is none. */
export async function openStore(
  { url, acknowledgement }: Config['store'],
  tools: { clock: Clock; logger: Logger },
): Promise<Store> {
  const directory = directoryOf(url);
  if (directory === undefined) {
    return await openRedisStore({ url, ...(acknowledgement && { acknowledgement }), ...tools });
  }
  return await openSqliteStore({ directory, acknowledgement: acknowledgement ?? 'synced', ...tools });
}

/** Opens a store to be copied from. */
export async function openExport(url: string): Promise<Export> {
  const directory = directoryOf(url);
  return directory === undefined ? await openRedisExport(url) : openSqliteExport(directory);
}

/** Opens a place to copy a store to. @param logger is warned of what is unwise about the place */
export async function openImport(url: string, logger: Logger): Promise<Import> {
  const directory = directoryOf(url);
  return directory === undefined ? await openRedisImport({ url, logger }) : openSqliteImport(directory);
}

/** Tells a store that it is an older copy of what it was. @returns its place, for people */
export async function markRestored(url: string, clock: Clock): Promise<string> {
  if (directoryOf(url) === undefined) return await declareRestored(url, Math.floor(clock.now()));
  throw invalidField('--store', 'must be a URL of Redis');
}

/** The data directory that a URL names, if it does. */
function directoryOf(url: string): string | undefined {
  return url.startsWith('sqlite:') ? resolve(url.slice('sqlite:'.length)) : undefined;
}
