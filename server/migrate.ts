/** armada-server migrate: copies a stopped deployment from one store to another, and checks the copy. */
import { parseArgs } from 'node:util';
import { type Clock, systemClock } from './base/clock.ts';
import { ArmadaError } from './base/errors.ts';
import type { Logger } from './base/logger.ts';
import { openExport, openImport } from './engines.ts';
import { runOnce } from './run.ts';
import { type Migrated, type MigrationProgress, migrateStore } from './store/migrate.ts';

const PROGRAM = 'armada-server migrate';
const USAGE = `usage: armada-server migrate --from URL --to URL

Copies queues, jobs and events of a stopped deployment to another store, checks
the copy, and only then lets servers start on it. The source is not changed.

  --from URL   where they are: sqlite:DIRECTORY or a URL of Redis
  --to URL     where they are to be; nothing may be there yet

The URLs may be given as ARMADA_MIGRATE_FROM and ARMADA_MIGRATE_TO instead, so
that no password stands in a command line; see docs/operating-redis.md.
`;

/** Between two lines that tell how far it is. */
const REPORT_MS = 1000;

/** Throws INVALID_REQUEST, without the URL, for what is none of a store. */
function urlOf(flag: string, url: string | undefined): string {
  if (url !== undefined && /^sqlite:.+|^rediss?(\+sentinel|\+cluster)?:\/\/.+/.test(url)) return url;
  const form = 'sqlite:DIRECTORY, redis://HOST:PORT, redis+sentinel://HOSTS/NAME or redis+cluster://HOSTS';
  const what = url === undefined ? 'is missing: it must be' : 'must be';
  throw new ArmadaError('INVALID_REQUEST', `${flag} ${what} ${form}`);
}

/** What stores warn of, for people. */
const warnings: Logger = {
  debug: () => {},
  info: () => {},
  warn: (_, message) => say(message),
  error: (_, message) => say(message),
  child: () => warnings,
};

function say(text: string): void {
  process.stderr.write(`${PROGRAM}: ${text}\n`);
}

/** Tells how far a migration is, once a second, and at the end what it came to. */
function createReport(clock: Clock) {
  const startedAt = clock.elapsed();
  let saidAt = startedAt;
  let step = '';
  let stepBeganAt = startedAt;
  const secondsSince = (at: number): number => Math.max(0.001, (clock.elapsed() - at) / 1000);
  return {
    progress(progress: MigrationProgress): void {
      const now = clock.elapsed();
      if (progress.step !== step) {
        step = progress.step;
        stepBeganAt = now;
      }
      if (now - saidAt < REPORT_MS) return;
      saidAt = now;
      const { jobs, rest } = countsOf(progress);
      const rate = Math.round(jobs / secondsSince(stepBeganAt));
      say([`${step}: ${shownCount(jobs, 'job')}`, ...rest, `${shown(rate)} jobs/s`].join(', '));
    },
    summary(what: string, { tally, replay }: Migrated): string {
      const seconds = secondsSince(startedAt);
      const jobs = tally.count('jobs');
      const megabytes = (tally.bytes / 1e6).toFixed(1);
      const counts = [
        shownCount(tally.count('queues'), 'queue'),
        shownCount(tally.count('job sets'), 'job set'),
        shownCount(jobs, 'job'),
        shownCount(replay.events, 'event'),
      ];
      const rate = shown(Math.round(jobs / seconds));
      return [
        `copied ${what}: ${counts.join(', ')}`,
        `${megabytes} MB in ${seconds.toFixed(1)} s, ${rate} jobs/s with the check`,
        `checked: ${shownCount(jobs, 'job')}, 0 differ`,
        '',
      ].join('\n');
    },
  };
}

function countsOf(progress: MigrationProgress): { jobs: number; rest: string[] } {
  if (progress.step === 'replaying') {
    const { jobs, events } = progress.replay;
    return { jobs, rest: [shownCount(events, 'event')] };
  }
  const { tally } = progress;
  return { jobs: tally.count('jobs'), rest: [shownCount(tally.count('job sets'), 'job set')] };
}

function shownCount(count: number, what: string): string {
  return `${shown(count)} ${what}${count === 1 ? '' : 's'}`;
}

function shown(number: number): string {
  return number.toLocaleString('en-US');
}

await runOnce(PROGRAM, async (signal) => {
  const { values } = parseArgs({
    options: { from: { type: 'string' }, to: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return;
  }
  const from = urlOf('--from', values.from ?? process.env['ARMADA_MIGRATE_FROM']);
  const to = urlOf('--to', values.to ?? process.env['ARMADA_MIGRATE_TO']);
  await using opened = new AsyncDisposableStack();
  const target = opened.adopt(await openImport(to, warnings), (open) => open.close());
  const source = opened.adopt(await openExport(from), (open) => open.close());
  say(`${source.name} -> ${target.name}`);
  const report = createReport(systemClock);
  const migrated = await migrateStore({
    source,
    target,
    onProgress: (progress) => report.progress(progress),
    signal,
  });
  process.stdout.write(report.summary(`${source.name} to ${target.name}`, migrated));
});
