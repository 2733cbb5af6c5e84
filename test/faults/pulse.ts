// Submits one job after another at an even pace, so that a pause of the service
// shows in the history as a time without answers.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Entry, SubmitEntry } from './history.ts';
import type { Draft, Load } from './load.ts';

/** So many at a time, lest one that waits for its answer is taken for a pause. */
const SUBMITTERS = 2;
/** Between the answer to a submit and the next one of the same submitter. */
const PULSE_MS = 150;
const CLIENT_ID = 'pulse-';

export interface Pulse {
  /** Ends it; resolves with the ids of the jobs. */
  stop(): Promise<string[]>;
}

/** Submits until it is stopped. */
export function startPulse(load: Load, jobSet: string, script: string): Pulse {
  const jobIds: string[] = [];
  let isOver = false;
  let beats = 0;
  const beat = async (): Promise<void> => {
    while (!isOver) {
      const draft: Draft = { clientId: `${CLIENT_ID}${beats++}`, script, expect: 'succeeded' };
      jobIds.push(...(await load.submit(jobSet, [draft])));
      await sleep(PULSE_MS);
    }
  };
  const beating = Promise.all(Array.from({ length: SUBMITTERS }, beat));
  // Awaited in stop().
  beating.catch(() => {});
  return {
    stop: async () => {
      isOver = true;
      await beating;
      return jobIds;
    },
  };
}

/**
 * By program and each time that it went down: the longest time between two
 * answers until the next kill, in milliseconds. Nothing when there was no pulse.
 */
export function pausesOf(entries: readonly Entry[]): Map<string, number[]> {
  const isAnswer = (entry: Entry): entry is SubmitEntry =>
    entry.kind === 'submit' && entry.outcome === 'acknowledged' && entry.clientId.startsWith(CLIENT_ID);
  const answers = entries.filter(isAnswer).map(({ timeMs = 0 }) => timeMs);
  const downs = entries.flatMap((entry) => (entry.kind === 'down' ? [entry] : []));
  const finishMs = entries.findLast((entry) => entry.kind === 'finish')?.timeMs ?? 0;
  const pauses = new Map<string, number[]>();
  if (answers.length === 0) return pauses;
  for (const [index, { program, timeMs: downMs }] of downs.entries()) {
    const untilMs = downs[index + 1]?.timeMs ?? Infinity;
    const last = answers.findLast((timeMs) => timeMs <= downMs) ?? downMs;
    const times = [last, ...answers.filter((timeMs) => timeMs > downMs && timeMs <= untilMs)];
    if (times.length === 1) times.push(Math.min(untilMs, finishMs));
    const longestMs = Math.max(0, ...times.slice(1).map((timeMs, place) => timeMs - times[place]!));
    pauses.set(program, [...(pauses.get(program) ?? []), longestMs]);
  }
  return pauses;
}
