import type { SchedulerFigures } from './figures.ts';
import type { Thread } from './thread.ts';

/** Asks the scheduler's thread for its figures, once for all who ask at the same time. */
export interface Measuring {
  /** Those of last time when the thread is too busy to answer soon; undefined before there are any. */
  measure(): Promise<SchedulerFigures | undefined>;
  measured(figures: SchedulerFigures): void;
}

/** Whoever scrapes waits for ten seconds at most, and long rounds take tens of milliseconds. */
const ANSWER_MS = 2_000;

export function createMeasuring(thread: Pick<Thread, 'send'>): Measuring {
  let last: SchedulerFigures | undefined;
  let asked: PromiseWithResolvers<void> | undefined;
  return {
    async measure() {
      if (asked === undefined) {
        asked = Promise.withResolvers();
        thread.send({ kind: 'measure' });
      }
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, ANSWER_MS);
      await Promise.race([asked.promise, late.promise]);
      clearTimeout(timer);
      return last;
    },
    measured(figures) {
      last = figures;
      asked?.resolve();
      asked = undefined;
    },
  };
}
