// A storm: work comes in all the time while programs are killed at random
// moments and started again. What happened is recorded, to be judged after.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Entry, readHistory, readProcesses, Recorder } from './history.ts';
import { LIMITS } from './judge.ts';
import { createLoad, type Draft, type Load } from './load.ts';
import { createKiller } from './killer.ts';
import { startPulse } from './pulse.ts';
import { type Random, seeded } from './random.ts';
import { readWhole, startWatcher, type Watcher } from './watchers.ts';

export interface StormPlan {
  kills: number;
  jobs: number;
  /** Decides what is killed when and what is asked for. */
  seed: number;
  /** Where the history and what the jobs write are kept. */
  directory: string;
  /** Whether single jobs are submitted all the time too, so that pauses can be told. */
  hasPulse?: boolean;
}

/** What is stormed at: servers, and what of them can be killed. */
export interface Fleet {
  /** `host:port` of the gRPC API, for as long as the fleet lives; several servers are divided by commas. */
  address: string;
  /** What can be killed, by name; none when it is killed by somebody else. */
  programs: readonly string[];
  /** How long a killed program may stay away, while others are killed too. 0 when all goes on only once it is back. */
  maxAwayMs: number;
  /** SIGKILL. */
  kill(program: string): Promise<void>;
  /** Starts what was killed and waits until it is up. */
  start(program: string): Promise<void>;
  /** Calls back when a program has ended though nobody had killed it, with the last that it wrote. */
  onCollapse(listener: (program: string, text: string) => void): void;
}

const JOB_SETS = [
  { queue: 'storm', jobSet: 'storm-a' },
  { queue: 'storm', jobSet: 'storm-b' },
  { queue: 'storm-too', jobSet: 'storm-c' },
];
const WATCHERS_PER_SET = 2;

const POLL_MS = 100;

/** Jobs wait this long at most for being cancelled or changed, from their submit on. */
const SECOND_THOUGHT_MS = 1_500;

/** How long watchers may take for the rest when all jobs have ended. */
const CATCH_UP_MS = 15_000;

/** Runs a storm over a fleet that is up, and waits until every job has ended or nothing goes on. */
export async function runStorm(fleet: Fleet, plan: StormPlan): Promise<Entry[]> {
  const path = join(plan.directory, 'history.jsonl');
  const processFile = join(plan.directory, 'processes.log');
  await writeFile(processFile, '');
  const recorder = new Recorder(path);
  const stopping = new AbortController();
  const target = { address: fleet.address, recorder, signal: stopping.signal };
  fleet.onCollapse((program, text) => {
    recorder.record({ kind: 'collapse', program, text, timeMs: Date.now() });
  });
  const sets = JOB_SETS.map((set) => ({
    jobSet: set.jobSet,
    load: createLoad({ ...target, ...set }),
    watched: { ...target, ...set },
    watchers: Array.from({ length: WATCHERS_PER_SET }, (_, index) =>
      startWatcher(`watcher-${index}`, { ...target, ...set }, seeded(plan.seed + index)),
    ),
  }));
  const watchers = sets.flatMap((set) => set.watchers);
  try {
    for (const { load } of sets) await load.createQueue();
    const asked = await rage(fleet, { ...plan, sets, recorder, processFile });
    await waitForEnds(asked, watchers);
    for (const { watched, watchers } of sets) {
      const lastId = await readWhole(watched);
      await waitFor(() => watchers.every((watcher) => watcher.lastId() === lastId), CATCH_UP_MS);
    }
    recorder.record({ kind: 'finish', timeMs: Date.now() });
  } finally {
    stopping.abort();
    await Promise.all(watchers.map((watcher) => watcher.close()));
    for (const { load } of sets) load.close();
    for (const entry of await readProcesses(processFile)) recorder.record(entry);
    await recorder.close();
  }
  return await readHistory(path);
}

/** A job set that work comes into. */
interface LoadedSet {
  jobSet: string;
  load: Load;
}

interface Rage extends StormPlan {
  sets: readonly LoadedSet[];
  recorder: Recorder;
  processFile: string;
}

/** Kills while work comes in; the ids of the jobs that were acknowledged. */
async function rage(fleet: Fleet, plan: Rage): Promise<Set<string>> {
  const { sets, recorder, processFile } = plan;
  const random = seeded(plan.seed);
  const asked = new Set<string>();
  const work: Promise<void>[] = [];
  const killer = createKiller(fleet, recorder, random);
  const pulse = plan.hasPulse ? startPulse(sets[0]!.load, sets[0]!.jobSet, scriptOf(processFile)) : undefined;
  let made = 0;
  const submit = (count: number): void => {
    for (const [index, set] of sets.entries()) {
      const part = Math.ceil((count * (index + 1)) / sets.length) - Math.ceil((count * index) / sets.length);
      if (part === 0) continue;
      const drafts = Array.from({ length: part }, () => draftOf(`job-${made++}`, processFile, random));
      // Its own chances: when it asks for them depends on the server.
      const chances = seeded(random.below(2 ** 32));
      const fed = feed(set, { drafts, random: chances, asked });
      // Awaited below, unless something else fails before.
      fed.catch(() => {});
      work.push(fed);
    }
  };
  for (let kills = 0; kills < plan.kills; kills += await killer.strike()) {
    submit(Math.ceil((plan.jobs - made) / (plan.kills - kills)));
  }
  if (made < plan.jobs) submit(plan.jobs - made);
  await killer.allUp();
  await Promise.all(work);
  for (const jobId of (await pulse?.stop()) ?? []) asked.add(jobId);
  return asked;
}

interface Feed {
  drafts: readonly Draft[];
  random: Random;
  /** Ids of acknowledged jobs; added to. */
  asked: Set<string>;
}

/** Submits, mostly once, at times twice at once or once more later; then changes its mind about some. */
async function feed({ jobSet, load }: LoadedSet, { drafts, random, asked }: Feed): Promise<void> {
  const twin = random.chance(0.3) ? load.submit(jobSet, drafts) : undefined;
  const jobIds = await load.submit(jobSet, drafts);
  for (const jobId of jobIds) asked.add(jobId);
  await twin;
  const isDoomed = (clientId: string): boolean => /long|doomed/.test(clientId);
  const doomed = jobIds.filter((_, index) => isDoomed(drafts[index]?.clientId ?? ''));
  const yielding = jobIds.filter((_, index) => /yield/.test(drafts[index]?.clientId ?? ''));
  const changed = jobIds.filter(() => random.chance(0.1));
  if (changed.length > 0) await load.reprioritize(jobSet, changed, random.below(100));
  await sleep(random.below(SECOND_THOUGHT_MS));
  if (doomed.length > 0) await load.cancel(jobSet, doomed);
  if (yielding.length > 0) await load.preempt(jobSet, yielding);
  if (random.chance(0.3)) await load.submit(jobSet, drafts);
}

/** A short shell job that tells when it starts and ends. Most succeed, some fail, some are to be cancelled or to give way. */
function draftOf(name: string, processFile: string, random: Random): Draft {
  const script = (pause: string, code: number): string => scriptOf(processFile, pause, code);
  const seconds = (random.below(500) / 1000).toFixed(3);
  const kind = random.next();
  if (kind < 0.05) return { clientId: `${name}-long`, script: script('600', 0), expect: 'any' };
  if (kind < 0.1) return { clientId: `${name}-doomed`, script: script(seconds, 0), expect: 'any' };
  if (kind < 0.15) {
    const give = { priorityClassName: 'armada-preemptible', script: script('1.5', 0) };
    return { clientId: `${name}-yield`, ...give, expect: 'any' };
  }
  if (kind < 0.22) return { clientId: name, script: script(seconds, 3), expect: 'failed' };
  return { clientId: name, script: script(seconds, 0), expect: 'succeeded' };
}

/** What a job runs: it tells when it starts and ends, also when it is stopped. */
function scriptOf(processFile: string, pause = '0', code = 0): string {
  // In a pod spec `$$` stands for one `$`.
  const line = '$ARMADA_JOB_ID $RUN_ID $1 $$$$ $$(date +%s%3N)';
  const begin = `say() { echo "${line}" >> ${processFile}; }; trap 'say end; exit 143' TERM; say start`;
  return `${begin}; sleep ${pause}; say end; exit ${code}`;
}

/** Waits until every watcher was told that all jobs have ended, or none was told anything for too long. */
async function waitForEnds(asked: ReadonlySet<string>, watchers: readonly Watcher[]): Promise<void> {
  const beganMs = performance.now();
  const haveEnded = (): boolean => {
    const ended = new Set(watchers.flatMap((watcher) => [...watcher.ended]));
    return [...asked].every((jobId) => ended.has(jobId));
  };
  const quietMs = (): number =>
    performance.now() - Math.max(beganMs, ...watchers.map((watcher) => watcher.lastEventMs()));
  while (!haveEnded() && quietMs() < LIMITS.stuckMs) await sleep(POLL_MS);
}

async function waitFor(condition: () => boolean, timeoutMs: number): Promise<void> {
  const untilMs = performance.now() + timeoutMs;
  while (!condition() && performance.now() < untilMs) await sleep(POLL_MS);
}
