// What stopped servers left in their store, against what its events make of it.
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import { openRedisStore } from '@armada-ts/server/store/redis/open';
import { openSqliteStore } from '@armada-ts/server/store/sqlite/open';
import type { Store } from '@armada-ts/server/store/store';
import { allJobSets, type Replay, replay } from './replay.ts';

/** Opens the store of servers that were stopped, or died, and replays every job set in it. */
export async function replayStopped(storeUrl: string): Promise<Replay> {
  const store = await openStore(storeUrl);
  try {
    return await replay(store.read, await allJobSets(store.read));
  } finally {
    await store.close();
  }
}

async function openStore(url: string): Promise<Store> {
  const tools = { clock: systemClock, logger: silentLogger };
  if (!url.startsWith('sqlite:')) return await openRedisStore({ url, ...tools });
  const directory = url.slice('sqlite:'.length);
  return await openSqliteStore({ directory, acknowledgement: 'synced', ...tools });
}
