/** armada-server restored: tells a store that it is an older copy of what it was. */
import { parseArgs } from 'node:util';
import { systemClock } from './base/clock.ts';
import { markRestored } from './engines.ts';
import { mustBeStoreUrl } from './progress.ts';
import { runOnce } from './run.ts';

const PROGRAM = 'armada-server restored';
const USAGE = `usage: armada-server restored --store URL

Say this once after an older copy of the data was put into Redis, or a failover
lost writes, while no server was running: those that run find out by themselves.
All event streams begin anew then, so that no watcher takes a new event for one
that it has seen. Nothing is removed.

  --store URL   of Redis; ARMADA_STORE_URL when left out
`;

await runOnce(PROGRAM, async () => {
  const { values } = parseArgs({ options: { store: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const url = mustBeStoreUrl('--store', values.store ?? process.env['ARMADA_STORE_URL']);
  process.stdout.write(`${await markRestored(url, systemClock)} begins a new epoch\n`);
});
