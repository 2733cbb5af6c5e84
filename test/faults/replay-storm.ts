// What a storm left in the store, against what its events make of it. Apart from
// the checker, which knows nothing of stores.
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import { openRedisStore } from '@armada-ts/server/store/redis/open';
import { openSqliteStore } from '@armada-ts/server/store/sqlite/open';
import type { Store } from '@armada-ts/server/store/store';
import { allJobSets, type Replay, replay } from '../replay.ts';

/** Opens the store of a fleet that was stopped and replays every job set in it. */
export async function replayStorm(storeUrl: string): Promise<Replay> {
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
