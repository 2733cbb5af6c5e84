/** armada-server migrate: copies a stopped deployment from one store to another, and checks the copy. */
import { parseArgs } from 'node:util';
import { systemClock } from './base/clock.ts';
import { type Logger, silentLogger } from './base/logger.ts';
import { openExport, openImport } from './engines.ts';
import { createProgress, mustBeStoreUrl, type Progress, shownCount, shownRate } from './progress.ts';
import { runOnce } from './run.ts';
import { type Migrated, type MigrationProgress, migrateStore } from './store/migrate.ts';

const PROGRAM = 'armada-server migrate';
const USAGE = `usage: armada-server migrate --from URL --to URL

Copies queues, jobs and events of a stopped deployment to another store, checks
the copy, and only then lets servers start on it. The source is not changed.

  --from URL   where they are: sqlite:DIRECTORY or a URL of Redis
  --to URL     where they are to be; nothing may be there yet

The URLs may be given as ARMADA_MIGRATE_FROM and ARMADA_MIGRATE_TO instead, so
that no password stands in a command line; see docs/moving-house.md.
`;

function tell(progress: Progress, soFar: MigrationProgress): void {
  if (soFar.step === 'replaying') {
    const { jobs, events } = soFar.replay;
    progress.tell(soFar.step, jobs, shownCount(events, 'event'));
  } else {
    const { tally } = soFar;
    progress.tell(soFar.step, tally.count('jobs'), shownCount(tally.count('job sets'), 'job set'));
  }
}

function summaryOf(what: string, { tally, replay }: Migrated, seconds: number): string {
  const jobs = tally.count('jobs');
  const counts = [
    shownCount(tally.count('queues'), 'queue'),
    shownCount(tally.count('job sets'), 'job set'),
    shownCount(jobs, 'job'),
    shownCount(replay.events, 'event'),
  ];
  const megabytes = (tally.bytes / 1e6).toFixed(1);
  return [
    `copied ${what}: ${counts.join(', ')}`,
    `${megabytes} MB in ${seconds.toFixed(1)} s, ${shownRate(jobs, seconds)} with the check`,
    `checked: ${shownCount(jobs, 'job')}, 0 differ`,
    '',
  ].join('\n');
}

await runOnce(PROGRAM, async (signal) => {
  const { values } = parseArgs({
    options: { from: { type: 'string' }, to: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const from = mustBeStoreUrl('--from', values.from ?? process.env['ARMADA_MIGRATE_FROM']);
  const to = mustBeStoreUrl('--to', values.to ?? process.env['ARMADA_MIGRATE_TO']);
  const progress = createProgress(PROGRAM, systemClock);
  const warnings: Logger = { ...silentLogger, warn: (_, message) => progress.say(message) };
  await using opened = new AsyncDisposableStack();
  const target = opened.adopt(await openImport(to, warnings), (open) => open.close());
  const source = opened.adopt(await openExport(from), (open) => open.close());
  progress.say(`${source.name} -> ${target.name}`);
  const onProgress = (soFar: MigrationProgress): void => tell(progress, soFar);
  const migrated = await migrateStore({ source, target, onProgress, signal });
  const what = `${source.name} to ${target.name}`;
  process.stdout.write(summaryOf(what, migrated, progress.seconds()));
});
