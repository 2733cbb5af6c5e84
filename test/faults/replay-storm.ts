// What a storm left in the embedded store, against what its events make of it.
// Apart from the checker, which knows nothing of stores.
import { join } from 'node:path';
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import { openSqliteStore } from '@armada-ts/server/store/sqlite/open';
import { type Replay, replay } from '../replay.ts';
import { JOB_SETS, QUEUE } from './storm.ts';

/** Opens the store of a fleet that was stopped and replays the job sets of its storm. */
export async function replayStorm(directory: string): Promise<Replay> {
  const store = await openSqliteStore({
    directory: join(directory, 'data', 'server'),
    acknowledgement: 'synced',
    clock: systemClock,
    logger: silentLogger,
  });
  try {
    return await replay(
      store.read,
      JOB_SETS.map((jobSet) => ({ queue: QUEUE, jobSet })),
    );
  } finally {
    await store.close();
  }
}
