/** armada-server check: replays the events of a stopped deployment, and compares what they make with what is kept. */
import { parseArgs } from 'node:util';
import { systemClock } from './base/clock.ts';
import { ArmadaError } from './base/errors.ts';
import { openExport } from './engines.ts';
import { createProgress, mustBeStoreUrl, shownCount } from './progress.ts';
import { runOnce } from './run.ts';
import { allJobSets, replay } from './store/replay.ts';

const PROGRAM = 'armada-server check';
const USAGE = `usage: armada-server check --store URL

Replays the events of a stopped deployment: they must give the records, the
counters, the lists and the client ids that are kept. Nothing is changed.

  --store URL   sqlite:DIRECTORY or a URL of Redis; ARMADA_STORE_URL when left out
`;

await runOnce(PROGRAM, async (signal) => {
  const { values } = parseArgs({ options: { store: { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const url = mustBeStoreUrl('--store', values.store ?? process.env['ARMADA_STORE_URL']);
  const progress = createProgress(PROGRAM, systemClock);
  await using opened = new AsyncDisposableStack();
  const store = opened.adopt(await openExport(url), (open) => open.close());
  progress.say(store.name);
  const { jobSets, jobs, events, faults, faultCount } = await replay(store.read, allJobSets(store.read), {
    onProgress(soFar) {
      signal.throwIfAborted();
      progress.tell('replaying', soFar.jobs, shownCount(soFar.events, 'event'));
    },
  });
  await store.unchanged();
  for (const fault of faults) process.stdout.write(`${fault}\n`);
  const counts = [shownCount(jobs, 'job'), shownCount(jobSets, 'job set'), shownCount(events, 'event')];
  process.stdout.write(`checked ${store.name}: ${counts.join(', ')}, ${shownCount(faultCount, 'fault')}\n`);
  if (faultCount > 0) throw new ArmadaError('UNAVAILABLE', 'the events do not give what is kept');
});
