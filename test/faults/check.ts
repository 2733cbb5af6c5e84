// The checker as a program: loads servers that it starts and kills, or that
// somebody else does, and judges what happened; or judges a history that was kept.
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { LocalFleet } from './fleet.ts';
import { startApart, startOnRedis, startTogether } from './fleets.ts';
import { type Entry, readHistory } from './history.ts';
import { judgeHistory, summary } from './judge.ts';
import { startHanging, startPausing } from './pausing-fleet.ts';
import { pausesOf } from './pulse.ts';
import { replayStopped } from '../replay-stopped.ts';
import { startAllBehindSentinel, startBehindSentinel } from './sentinel-fleet.ts';
import { runStorm, type StormPlan } from './storm.ts';

const USAGE = `usage: npm run faults -- [options]

One of:
  --history FILE       judge this history and do nothing else
  --server HOST:PORT   load this server, or several divided by commas, for somebody
                       else to kill; jobs must run on this machine
  --fleet NAME         start and kill programs of this checkout: together (all in
                       one), apart (server and executor), redis (two servers, two
                       executors and a redis-server), sentinel (the same with three
                       Redis, of which the master is killed), sentinel-all (where
                       servers and executors are killed too), pausing (the same with
                       one Redis; the server that leads is stopped, and goes on),
                       hanging (as redis, but everything is stopped for up to 6 s, and
                       goes on)
  --stopped MS         how long the leader is stopped (default: 30000)

  --jobs N             so many jobs (default: 300)
  --rounds N           so many kills, or rounds of half a second (default: 30)
  --pulse              submit single jobs all the time too, and print how long no
                       answer came after each kill
  --seed N             what decides which jobs, which kills, and when (default: 1)
  --data DIR           where the history is kept, and what programs wrote (default: history)
`;

const OPTIONS = {
  history: { type: 'string' },
  server: { type: 'string' },
  fleet: { type: 'string' },
  jobs: { type: 'string', default: '300' },
  rounds: { type: 'string', default: '30' },
  stopped: { type: 'string', default: '30000' },
  pulse: { type: 'boolean', default: false },
  seed: { type: 'string', default: '1' },
  data: { type: 'string', default: 'history' },
  help: { type: 'boolean' },
} as const;

const FLEETS: Readonly<Record<string, (directory: string) => Promise<LocalFleet>>> = {
  together: startTogether,
  apart: startApart,
  redis: startOnRedis,
  sentinel: startBehindSentinel,
  'sentinel-all': startAllBehindSentinel,
  hanging: startHanging,
  pausing: (directory) => startPausing(directory, Number(values.stopped)),
};

const { values } = readOptions();

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
    process.exit(2);
  }
}

function refuse(reason: string): never {
  process.stderr.write(`${reason}${USAGE}`);
  process.exit(reason === '' ? 0 : 2);
}

/** The entries of a storm over what somebody else starts and kills. */
async function loadServer(address: string): Promise<Entry[]> {
  const nothing = (): Promise<void> => Promise.resolve();
  const fleet = { address, programs: [], maxAwayMs: 0, kill: nothing, start: nothing };
  return await runStorm({ ...fleet, onCollapse: () => {} }, await plan());
}

/** The entries of a storm over a fleet of this checkout; what is in its store must be what its events make of it. */
async function stormFleet(start: (directory: string) => Promise<LocalFleet>): Promise<Entry[]> {
  const storm = await plan();
  const fleet = await start(storm.directory);
  try {
    const entries = await runStorm(fleet, storm);
    await fleet.stop();
    const { faults } = await replayStopped(fleet.storeUrl);
    for (const fault of faults) process.stdout.write(`log and state differ: ${fault}\n`);
    if (faults.length > 0) process.exitCode = 1;
    return entries;
  } finally {
    await fleet.stop();
    for (const [program, lines] of fleet.written()) {
      const text = lines.map((line) => `${line}\n`);
      await writeFile(join(storm.directory, `${program}.log`), text.join(''));
    }
  }
}

async function plan(): Promise<StormPlan> {
  const directory = resolve(values.data);
  await mkdir(directory, { recursive: true });
  const numbers = { kills: Number(values.rounds), jobs: Number(values.jobs), seed: Number(values.seed) };
  return { ...numbers, directory, hasPulse: values.pulse };
}

async function history(): Promise<Entry[]> {
  const { history: file, server, fleet } = values;
  if (file !== undefined) return await readHistory(file);
  if (server !== undefined) return await loadServer(server);
  const start = FLEETS[fleet ?? ''];
  if (start) return await stormFleet(start);
  return refuse(fleet === undefined ? 'nothing to do\n\n' : `there is no fleet ${fleet}\n\n`);
}

if (values.help) refuse('');
// Whoever interrupts it does not leave programs behind: they end with this process when it ends by itself.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
const entries = await history();
const verdict = judgeHistory(entries);
for (const { breach, text } of verdict.violations) process.stdout.write(`${breach}: ${text}\n`);
process.stdout.write(`${summary(verdict)}\n`);
for (const [program, pausesMs] of pausesOf(entries)) {
  process.stdout.write(
    `longest time without an answer after each kill of ${program}, ms: ${pausesMs.join(' ')}\n`,
  );
}
process.exit(verdict.violations.length === 0 ? process.exitCode : 1);
