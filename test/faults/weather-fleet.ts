// Servers on Redis and executors, all of them whole, and the lines between them,
// which fail in every way that lines do. What goes down and comes back here is
// the good weather.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Proxy, startProxy } from '../e2e/proxy.ts';
import { createDirectory, startRedis, SYNCED } from '../store/redis.servers.ts';
import { type LocalFleet, type Running, startFleet } from './fleet.ts';
import { planExecutors, planServers } from './fleets.ts';
import { addressesOf } from './load.ts';
import { type Random, seeded } from './random.ts';
import { peakRssBytes } from './server-meter.ts';
import { WEATHERS } from './weather.ts';

/** The lines, by what is at their far end. */
export const LINES = { redis: 'line to Redis', server: 'line to the servers' } as const;

/** What there was. */
export interface Front {
  line: string;
  weather: string;
  fromMs: number;
  toMs: number;
}

export interface WeatherFleet extends LocalFleet {
  /** What there was so far, in the order in which it ended. */
  readonly fronts: readonly Front[];
  /** Most memory that a server has ever taken, in bytes. */
  peakBytes(): number;
}

export interface WeatherPlan {
  /** Decides what comes when. */
  seed: number;
  /** The others are always good. */
  lines: readonly string[];
  /** How much longer than it must a weather may last. */
  maxExtraMs: number;
}

/** How long a weather lasts at least; a silence, until it is noticed on the line to Redis. */
const MIN_SILENCE_MS = 6_000;
const MIN_FRONT_MS = 2_500;

/** Every line has all kinds of weather in an order of its own, and then again. */
export async function startInWeather(
  directory: string,
  { seed, lines, maxExtraMs }: WeatherPlan,
): Promise<WeatherFleet> {
  const redis = await startRedis(await createDirectory(), SYNCED);
  const toRedis = await startProxy(`127.0.0.1:${redis.port}`);
  const servers = await planServers(directory, `redis://${toRedis.address}`);
  const toServers = await Promise.all(addressesOf(servers.address).map(startProxy));
  const pids = new Map<string, number>();
  const noted = Object.entries(servers.launches).map(([name, launch]) => {
    const launchNoted = async (): Promise<Running> => {
      const program = await launch();
      pids.set(name, program.process.pid ?? 0);
      return program;
    };
    return [name, launchNoted] as const;
  });
  const executors = planExecutors(directory, toServers.map(({ address }) => address).join(','));
  const launches = { ...Object.fromEntries(noted), ...executors };
  const proxies: Readonly<Record<string, readonly Proxy[]>> = {
    [LINES.redis]: [toRedis],
    [LINES.server]: toServers,
  };
  for (const proxy of [toRedis, ...toServers]) proxy.record();
  const fleet = await startFleet({
    ...servers,
    storeUrl: `redis://127.0.0.1:${redis.port}`,
    maxAwayMs: maxExtraMs,
    launches,
  });
  const random = seeded(seed);
  const coming = new Map(lines.map((line) => [line, [] as string[]]));
  const now = new Map<string, { front: Omit<Front, 'toMs'>; end: () => void | Promise<void> }>();
  const fronts: Front[] = [];
  return {
    ...fleet,
    programs: lines,
    fronts,
    peakBytes: () => Math.max(...[...pids.values()].map(peakRssBytes)),
    kill: async (line) => {
      const kinds = coming.get(line)!;
      if (kinds.length === 0) kinds.push(...shuffled(Object.keys(WEATHERS), random));
      const weather = kinds.pop()!;
      const end = WEATHERS[weather]!(proxies[line]!, random);
      now.set(line, { front: { line, weather, fromMs: Date.now() }, end });
    },
    start: async (line) => {
      const { front, end } = now.get(line)!;
      await sleep(/held|swallowed/.test(front.weather) ? MIN_SILENCE_MS : MIN_FRONT_MS);
      await end();
      now.delete(line);
      fronts.push({ ...front, toMs: Date.now() });
    },
    stop: async () => {
      for (const { end } of now.values()) await end();
      await fleet.stop();
      await Promise.all([toRedis, ...toServers].map((proxy) => proxy.close()));
    },
  };
}

function shuffled(names: readonly string[], random: Random): string[] {
  return names
    .map((name) => ({ name, place: random.next() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ name }) => name);
}
