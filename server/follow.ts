import type { EventHub } from './events/hub.ts';
import type { Inboxes } from './lease/inboxes.ts';
import type { Positions, Store } from './store/store.ts';

/** Who hears what the log says; the scheduler's thread is fed by its host, from the heads at which it took the lead. */
export interface Followers {
  hub: EventHub;
  inboxes: Inboxes;
}

/**
 * Follows the log until the signal aborts. Returns when the followers know what was active at the start; `done` then
 * tells how it ended.
 */
export async function followLog(
  store: Store,
  followers: Followers,
  signal: AbortSignal,
): Promise<{ done: Promise<void> }> {
  const loaded = await load(store, followers.inboxes);
  return { done: follow(store, followers, loaded, signal) };
}

/** What was loaded is between these positions of the log. */
interface Loaded {
  /** Everything up to here is in it. */
  from: Positions;
  /** Nothing after this is: until then the log tells what is known already, and what is older than that. */
  until: Positions;
}

async function follow(store: Store, followers: Followers, first: Loaded, signal: AbortSignal): Promise<void> {
  let loaded = first;
  while (await hasFallenOff(store, followers, loaded, signal)) {
    loaded = await load(store, followers.inboxes);
    followers.hub.missed();
  }
}

/** Follows to the end, or until the log no longer reaches back to where the followers are. */
async function hasFallenOff(
  store: Store,
  { hub, inboxes }: Followers,
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
      const head = behind.get(entry.partition);
      if (head === undefined || entry.number < head) continue;
      behind.delete(entry.partition);
      if (behind.size === 0) inboxes.resume();
    }
  }
  return false;
}

/**
 * Reads what is active now. Entries that follow repeat some of it, and for a
 * moment bring back runs that have ended meanwhile: nothing is offered until
 * they have been caught up with.
 */
async function load(store: Store, inboxes: Inboxes): Promise<Loaded> {
  inboxes.pause();
  const from = await store.heads();
  const active = new Set<string>();
  let cursor: string | undefined = '';
  while (cursor !== undefined) {
    const page = await store.read.active(cursor);
    inboxes.apply(page.jobs);
    for (const { record } of page.jobs) if (record) active.add(record.jobId);
    cursor = page.next;
  }
  inboxes.retain(active);
  return { from, until: await store.heads() };
}
