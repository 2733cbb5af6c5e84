// Programs that a storm kills and starts again, of this checkout. Like a service
// manager it starts again whatever ends; unlike one it remembers that it did.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from '../e2e/programs.ts';
import type { Fleet } from './storm.ts';

export interface LocalFleet extends Fleet {
  /** Of the store, which can be opened when everything is stopped. */
  storeUrl: string;
  /** What all processes of each program wrote so far, by program. */
  written(): ReadonlyMap<string, readonly string[]>;
  /** Sends a signal to a program that is up. */
  signal(program: string, signal: NodeJS.Signals): void;
  /** Ends everything but the store, politely; what does not follow is killed. */
  stop(): Promise<void>;
}

/** One process of a program; a store may be one that writes nothing. */
export type Running = Pick<Program, 'kill' | 'lines' | 'process'>;

export interface FleetPlan extends Pick<Fleet, 'address' | 'maxAwayMs'> {
  storeUrl: string;
  /** How each program is started; in the order in which they are at first. Rejects when it does not come up. */
  launches: Readonly<Record<string, () => Promise<Running>>>;
  /** The program that is the store: it goes on when the rest is stopped, and ends with this process. */
  store?: string;
}

const STOP_MS = 15_000;
/** How long something may fail to start because others are away. */
const START_MS = 120_000;
const RESTART_MS = 250;
/** Lines that are kept of a program that ended by itself. */
const LAST_LINES = 5;

/** Starts everything. Rejects when something does not come up. */
export async function startFleet({ launches, store, ...plan }: FleetPlan): Promise<LocalFleet> {
  const running = new Map<string, Running>();
  const written = new Map<string, string[][]>();
  let hear: (program: string, text: string) => void = () => {};
  let isStopped = false;

  const launch = async (name: string): Promise<void> => {
    const program = await launched(launches[name]!, () => isStopped);
    if (isStopped) {
      await program.kill('SIGKILL');
      return;
    }
    running.set(name, program);
    written.set(name, [...(written.get(name) ?? []), program.lines]);
    program.process.once('exit', () => {
      if (running.get(name) !== program) return;
      running.delete(name);
      hear(name, program.lines.slice(-LAST_LINES).join(' | '));
      start(name).catch((error: unknown) => hear(name, `it does not start again: ${String(error)}`));
    });
  };
  const starting = new Map<string, Promise<void>>();
  // One that ended by itself may be starting already when it is to be started.
  const start = async (name: string): Promise<void> => {
    if (running.has(name)) return;
    const start = starting.get(name) ?? launch(name).finally(() => starting.delete(name));
    starting.set(name, start);
    await start;
  };
  const fleet: LocalFleet = {
    ...plan,
    programs: Object.keys(launches),
    kill: async (name) => {
      const program = running.get(name);
      running.delete(name);
      await program?.kill('SIGKILL');
    },
    start,
    onCollapse: (listener) => (hear = listener),
    written: () => new Map([...written].map(([name, lines]) => [name, lines.flat()])),
    signal: (name, signal) => running.get(name)?.process.kill(signal),
    stop: async () => {
      isStopped = true;
      for (const [name, program] of [...running].toReversed()) {
        if (name === store) continue;
        running.delete(name);
        const timer = setTimeout(() => program.process.kill('SIGKILL'), STOP_MS);
        await program.kill('SIGTERM');
        clearTimeout(timer);
      }
    },
  };
  try {
    for (const name of fleet.programs) await start(name);
  } catch (error) {
    await fleet.stop();
    throw error;
  }
  return fleet;
}

/** Tries until it is up: what it needs may be away. */
async function launched(launch: () => Promise<Running>, isStopped: () => boolean): Promise<Running> {
  const untilMs = performance.now() + START_MS;
  for (;;) {
    try {
      return await launch();
    } catch (error) {
      if (isStopped() || performance.now() > untilMs) throw error;
    }
    await sleep(RESTART_MS);
  }
}
