// Two servers on Redis, of which the one that leads is stopped for a while, as a
// machine that hangs would, and then goes on as if nothing had happened.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDirectory, startRedis, SYNCED } from '../store/redis.servers.ts';
import { type LocalFleet, startFleet } from './fleet.ts';
import { planExecutors, planServers, startOnRedis } from './fleets.ts';

/** The only program that is stopped: whichever server leads. */
export const LEADER = 'leader';

/** How long it may take until one leads, and until one that was stopped knows that it does not. */
const LEAD_MS = 15_000;
const POLL_MS = 50;

/** Going down is to be stopped; coming back, after so long, is to go on. Rejects when none took over meanwhile. */
export async function startPausing(directory: string, stoppedMs: number): Promise<LocalFleet> {
  const redis = await startRedis(await createDirectory(), SYNCED);
  const servers = await planServers(directory, `redis://127.0.0.1:${redis.port}`);
  const launches = { ...servers.launches, ...planExecutors(directory, servers.address) };
  const fleet = await startFleet({ ...servers, maxAwayMs: 0, launches });
  let stopped: Lead | undefined;
  return {
    ...fleet,
    programs: [LEADER],
    kill: async () => {
      stopped = await waitFor('a leader', () => leadOf(fleet));
      fleet.signal(stopped.program, 'SIGSTOP');
    },
    start: async () => {
      if (!stopped) return;
      const { program, term } = stopped;
      await sleep(stoppedMs);
      const next = leadOf(fleet);
      fleet.signal(program, 'SIGCONT');
      assert.ok(next && next.term > term && next.program !== program, `nobody took over from ${program}`);
      await waitFor(`${program} to follow`, () => (hasStoodBack(fleet, stopped!) ? true : undefined));
    },
  };
}

/** Longest time that anything hangs where everything does: twice that after which a server counts as gone. */
const MAX_HANGING_MS = 6_000;

/** Servers, executors and Redis of which nothing is killed, but everything hangs at times. */
export async function startHanging(directory: string): Promise<LocalFleet> {
  const fleet = await startOnRedis(directory);
  const signal = (name: string, what: NodeJS.Signals): Promise<void> => {
    fleet.signal(name, what);
    return Promise.resolve();
  };
  return {
    ...fleet,
    maxAwayMs: MAX_HANGING_MS,
    kill: (program) => signal(program, 'SIGSTOP'),
    start: (program) => signal(program, 'SIGCONT'),
  };
}

/** Who took the lead, and with which term. */
interface Lead {
  program: string;
  term: number;
}

/** The newest lead of all that programs tell of. */
function leadOf(fleet: LocalFleet): Lead | undefined {
  const leads = [...fleet.written()].flatMap(([program, lines]) =>
    lines.flatMap((line): Lead[] => {
      const term = /"term":(\d+).*this server leads/.exec(line)?.[1];
      return term === undefined ? [] : [{ program, term: Number(term) }];
    }),
  );
  return leads.toSorted((a, b) => a.term - b.term).at(-1);
}

/** Whether a server has said, after it took this lead, that it follows another: it loads everything anew for that. */
function hasStoodBack(fleet: LocalFleet, { program, term }: Lead): boolean {
  const lines = fleet.written().get(program) ?? [];
  const since = lines.findIndex(
    (line) => line.includes(`"term":${term}`) && line.includes('this server leads'),
  );
  return lines.slice(since + 1).some((line) => line.includes('the scheduler loads everything anew'));
}

async function waitFor<Value>(what: string, look: () => Value | undefined): Promise<Value> {
  const untilMs = performance.now() + LEAD_MS;
  while (performance.now() < untilMs) {
    const found = look();
    if (found !== undefined) return found;
    await sleep(POLL_MS);
  }
  throw new Error(`${what} did not come to be in ${LEAD_MS} ms`);
}
