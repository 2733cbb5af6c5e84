import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import { openSqliteStore } from '@armada-ts/server/store/sqlite/open';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from './engine.ts';

export const engine: Engine = {
  module: import.meta.url,
  createPlace: () => mkdtemp(join(tmpdir(), 'armada-store-')),
  open: (directory, { clock = systemClock, partitions, tailEntries } = {}) =>
    openSqliteStore({
      directory,
      acknowledgement: 'synced',
      clock,
      logger: silentLogger,
      ...(partitions !== undefined && { partitions }),
      ...(tailEntries !== undefined && { limits: { tailEntries } }),
    }),
  removePlace: (directory) => rm(directory, { recursive: true, force: true }),
};
