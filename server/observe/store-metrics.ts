import type { Clock } from '../base/clock.ts';
import { addDuration, type Durations, noDurations } from '../base/durations.ts';
import type { Store } from '../store/store.ts';
import { histogramSamples, type Source } from './metrics.ts';

/** Upper bounds of the buckets of how long appends took, in seconds. */
const APPEND_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The store with its appends timed, and what is then to be told of them. */
export function timedStore(store: Store, clock: Clock): { store: Store; source: Source } {
  const took = noDurations(APPEND_SECONDS.length);
  const outcomes = new Map<string, number>();
  const count = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  const append: Store['append'] = (batch, encoded) => {
    const beganMs = clock.elapsed();
    const appended = store.append(batch, encoded);
    appended.then(
      ({ outcome }) => {
        addDuration(took, APPEND_SECONDS, (clock.elapsed() - beganMs) / 1000);
        count(outcome);
      },
      () => count('failed'),
    );
    return appended;
  };
  return { store: { ...store, append }, source: () => familiesOf(took, outcomes) };
}

function familiesOf(took: Durations, outcomes: ReadonlyMap<string, number>): ReturnType<Source> {
  return [
    {
      name: 'armada_store_append_seconds',
      help: 'How long it took until the store had answered an append.',
      type: 'histogram',
      samples: histogramSamples({}, APPEND_SECONDS, took),
    },
    {
      name: 'armada_store_appends_total',
      help: 'Appends by what the store made of them.',
      type: 'counter',
      samples: [...outcomes].map(([outcome, value]) => ({ labels: { outcome }, value })),
    },
  ];
}
