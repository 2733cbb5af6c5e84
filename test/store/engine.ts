/** What the conformance suite needs of an engine of the store. */
import type { Clock } from '@armada-ts/server/base/clock';
import type { Store } from '@armada-ts/server/store/store';
import type { TestContext } from 'node:test';
import { queueChange } from './builders.ts';

/** How a store is opened for a test. */
export interface OpenOptions {
  clock?: Clock;
  partitions?: number;
  /** Log entries that followers are fed from memory; older ones come from the log. */
  tailEntries?: number;
}

export interface Engine {
  /** The module that exports this engine as `engine`, for child processes to load. */
  readonly module: string;
  /** An empty place for one store; text that a child process may be given. */
  createPlace(): Promise<string>;
  /** Opens the store of a place. Closed stores may be opened again. */
  open(place: string, options?: OpenOptions): Promise<Store>;
  removePlace(place: string): Promise<void>;
}

/** A clock that moves only when told. */
export interface SteppedClock extends Clock {
  step(ms: number): void;
}

export function createSteppedClock(startMs: number): SteppedClock {
  let at = startMs;
  return {
    now: () => at,
    elapsed: () => at,
    step: (ms) => {
      at += ms;
    },
  };
}

/** An empty store for one test, closed and removed at its end. Has a queue called `queue`. */
export async function openStore(
  engine: Engine,
  test: TestContext,
  options: OpenOptions = {},
): Promise<Store> {
  const { reopen } = await openPlace(engine, test, options);
  const store = await reopen();
  await store.control(queueChange('queue', 0));
  return store;
}

/** An empty place for one test, whose store is closed and opened again at will. */
export async function openPlace(
  engine: Engine,
  test: TestContext,
  options: OpenOptions = {},
): Promise<{ place: string; reopen: () => Promise<Store> }> {
  const place = await engine.createPlace();
  let store: Store | undefined;
  test.after(async () => {
    await store?.close();
    await engine.removePlace(place);
  });
  return {
    place,
    async reopen() {
      await store?.close();
      store = await engine.open(place, options);
      return store;
    },
  };
}
