import type { Control } from '@armada-ts/api/armada/store/v1/store';
import { JobState } from '@armada-ts/api/api/job';
import { setImmediate } from 'node:timers/promises';
import { untilAvailable } from './base/retry.ts';
import type { EventHub } from './events/hub.ts';
import type { Inboxes } from './lease/inboxes.ts';
import type { JobSetInfo, Positions, Store, StoredJob } from './store/store.ts';

/** Who hears what the log says; the scheduler's thread is fed by its host, from the heads at which it took the lead. */
export interface Followers {
  hub: EventHub;
  inboxes: Inboxes;
  /** What of the store lets people in: access keys, the operator token. */
  credentials?: readonly { load(): Promise<void>; apply(control: Control): void }[];
  /** Who may keep a stream open. */
  rights?: { apply(control: Control): void; missed(): void };
}

interface Following extends Followers {
  /** How far the log is known, by partition; only ever rises. */
  positions: number[];
}

/**
 * Follows the log until the signal aborts. Returns when the followers know which runs there were at the start; `done` then
 * tells how it ended, and `positions` meanwhile how far the log is known.
 */
export async function followLog(
  store: Store,
  followers: Followers,
  signal: AbortSignal,
): Promise<{ done: Promise<void>; positions: () => Positions }> {
  const loaded = await load(store, followers);
  const positions = [...loaded.until];
  return {
    done: follow(store, { ...followers, positions }, loaded, signal),
    positions: () => positions,
  };
}

/** What was loaded is between these positions of the log. */
interface Loaded {
  /** Everything up to here is in it. */
  from: Positions;
  /** Nothing after this is: until then the log tells what is known already, and what is older than that. */
  until: Positions;
}

async function follow(store: Store, followers: Following, first: Loaded, signal: AbortSignal): Promise<void> {
  let loaded = first;
  while (await hasFallenOff(store, followers, loaded, signal)) {
    loaded = await untilAvailable(() => load(store, followers), signal);
    followers.hub.missed();
    followers.rights?.missed();
  }
}

/** Follows to the end, or until the log no longer reaches back to where the followers are. */
async function hasFallenOff(
  store: Store,
  { hub, inboxes, credentials = [], rights, positions }: Following,
  { from, until }: Loaded,
  signal: AbortSignal,
): Promise<boolean> {
  const behind = new Map([...until.entries()].filter(([partition, head]) => head > (from[partition] ?? 0)));
  if (behind.size === 0) inboxes.resume();
  for await (const item of store.tail(from, signal)) {
    if (item.kind === 'fell-off') return true;
    for (const entry of item.entries) {
      inboxes.apply(entry.jobs);
      hub.apply(entry);
      if (entry.control) {
        for (const each of credentials) each.apply(entry.control);
        rights?.apply(entry.control);
      }
      positions[entry.partition] = Math.max(positions[entry.partition] ?? 0, entry.number);
      const head = behind.get(entry.partition);
      if (head === undefined || entry.number < head) continue;
      behind.delete(entry.partition);
      if (behind.size === 0) inboxes.resume();
    }
  }
  return false;
}

/** States of live jobs that may hold a run. */
const LEASED = [JobState.LEASED, JobState.PENDING, JobState.RUNNING];

/** Jobs that are read at a time: about 10 ms. */
const PAGE_JOBS = 1000;

/**
 * Reads which runs there are now; jobs that only wait, however many, are nobody's
 * here. Entries that follow repeat some of it, and for a moment bring back runs
 * that have ended meanwhile: nothing is offered until they have been caught up
 * with.
 */
async function load(store: Store, { inboxes, credentials = [] }: Followers): Promise<Loaded> {
  inboxes.pause();
  const from = await store.heads();
  for (const each of credentials) await each.load();
  const leased = new Set<string>();
  for (const queue of await store.read.activeQueues()) {
    for (const jobSet of await store.read.activeJobSets(queue)) {
      if (jobSet.leased === 0) continue;
      for await (const jobs of leasedJobs(store, jobSet)) {
        inboxes.apply(jobs);
        for (const { record } of jobs) if (record) leased.add(record.jobId);
        // Reads hold the thread: let others have it between them.
        await setImmediate();
      }
    }
  }
  inboxes.retain(leased);
  return { from, until: await store.heads() };
}

async function* leasedJobs({ read }: Store, { queue, jobSet }: JobSetInfo): AsyncGenerator<StoredJob[]> {
  for (let afterId: string | undefined = ''; afterId !== undefined; ) {
    const part = { states: LEASED, afterId, limit: PAGE_JOBS };
    const jobs: StoredJob[] = await read.jobsOfSet(queue, jobSet, part);
    yield jobs;
    afterId = jobs.length === PAGE_JOBS ? jobs.at(-1)?.record?.jobId : undefined;
  }
}
