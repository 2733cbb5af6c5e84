import type { EventHub } from './events/hub.ts';
import type { Inboxes } from './lease/inboxes.ts';
import type { Positions, Store } from './store/store.ts';

/** Who hears what the log says; the scheduler's thread is fed by its host, from the heads at which it took the lead. */
export interface Followers {
  hub: EventHub;
  inboxes: Inboxes;
}

/**
 * Follows the log until the signal aborts. Returns when the followers have been brought up to date; `done` then tells how it
 * ended.
 */
export async function followLog(
  store: Store,
  followers: Followers,
  signal: AbortSignal,
): Promise<{ done: Promise<void> }> {
  const heads = await load(store, followers.inboxes);
  return { done: follow(store, followers, heads, signal) };
}

async function follow(
  store: Store,
  followers: Followers,
  heads: Positions,
  signal: AbortSignal,
): Promise<void> {
  let from = heads;
  while (!signal.aborted) {
    let fellOff = false;
    for await (const item of store.tail(from, signal)) {
      if (item.kind === 'fell-off') {
        fellOff = true;
        break;
      }
      for (const entry of item.entries) {
        followers.inboxes.apply(entry.jobs);
        followers.hub.apply(entry);
      }
    }
    if (!fellOff) return;
    from = await load(store, followers.inboxes);
    followers.hub.missed();
  }
}

/** Reads what is active now; entries that follow repeat some of it, which is harmless. */
async function load(store: Store, inboxes: Inboxes): Promise<Positions> {
  const heads = await store.heads();
  const active = new Set<string>();
  let cursor: string | undefined = '';
  while (cursor !== undefined) {
    const page = await store.read.active(cursor);
    inboxes.apply(page.jobs);
    for (const { record } of page.jobs) if (record) active.add(record.jobId);
    cursor = page.next;
  }
  inboxes.retain(active);
  return heads;
}
