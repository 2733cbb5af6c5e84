// Kills programs at random moments and sees to it that they come back.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Recorder } from './history.ts';
import type { Random } from './random.ts';
import type { Fleet } from './storm.ts';

export interface Killer {
  /**
   * Kills a program, or all of them, at a moment of its own. Resolves when it is
   * time for the next, with how many were killed; 1 when somebody else does it.
   */
  strike(): Promise<number>;
  /** Resolves when everything is up that was killed, and rejects with what did not come up. */
  allUp(): Promise<void>;
}

/** Longest time before a kill: since the last victim is up, or since it was killed. */
const CALM_MS = 1_000;
/** How often everything is killed at once. */
const ALL = 0.2;
/** How often the next is killed before the last is back, where programs may stay away. */
const MEANWHILE = 0.4;

/** @param calmMs longest time before a kill */
export function createKiller(fleet: Fleet, recorder: Recorder, random: Random, calmMs = CALM_MS): Killer {
  const away = new Map<string, Promise<void>>();

  const bringBack = async (program: string, restMs: number): Promise<void> => {
    await sleep(restMs);
    await fleet.start(program);
    recorder.record({ kind: 'up', program, timeMs: Date.now() });
    away.delete(program);
  };

  const take = async (program: string): Promise<void> => {
    recorder.record({ kind: 'down', program, timeMs: Date.now() });
    await fleet.kill(program);
  };

  return {
    async strike() {
      await sleep(random.below(calmMs));
      if (fleet.programs.length === 0) return 1;
      if (away.size === fleet.programs.length) await Promise.race(away.values());
      // All choices are made before it is known who is up: the same seed makes the same ones.
      const wanted = random.chance(ALL) ? fleet.programs : [random.pick(fleet.programs)];
      const rests = fleet.programs.map(() => random.below(fleet.maxAwayMs + 1));
      const isAlone = fleet.maxAwayMs === 0 || !random.chance(MEANWHILE);
      const isUp = (program: string): boolean => !away.has(program);
      const found = wanted.filter(isUp);
      const victims = found.length > 0 ? found : fleet.programs.filter(isUp).slice(0, 1);
      await Promise.all(victims.map(take));
      const returns = victims.map((program, index) => bringBack(program, rests[index] ?? 0));
      for (const [index, back] of returns.entries()) {
        // Awaited at the end, unless something else fails before.
        back.catch(() => {});
        away.set(victims[index]!, back);
      }
      if (isAlone) await Promise.all(returns);
      return victims.length;
    },
    async allUp() {
      await Promise.all(away.values());
    },
  };
}
