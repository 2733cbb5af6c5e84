import { openSqliteExport } from '@armada-ts/server/store/sqlite/export';
import { openSqliteImport } from '@armada-ts/server/store/sqlite/import';
import { modelSuite } from './model-check.ts';
import { type House, movingEngine } from './moving.engine.ts';
import { engine as sqlite } from './sqlite.engine.ts';

const SQLITE: House = {
  engine: sqlite,
  openExport: async (place) => openSqliteExport(place),
  openImport: async (place) => openSqliteImport(place),
};

modelSuite(movingEngine([SQLITE]));
