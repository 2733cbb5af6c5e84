import type { LogEntry, StoredJob } from '@armada-ts/api/armada/store/v1/store';
import { LogEntry as LogEntryMessage } from '@armada-ts/api/armada/store/v1/store';
import { JobState } from '@armada-ts/api/api/job';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventHub } from './events/hub.ts';
import { followLog } from './follow.ts';
import { createInboxes } from './lease/inboxes.ts';
import { lease, requeued, returned, erred } from './model/testing/job-events.ts';
import { after, stored, submitted } from './model/testing/jobs.ts';
import type { Positions, Store, TailItem } from './store/store.ts';

/** A store of one partition whose log is told an entry at a time. */
function storeOf(active: StoredJob[], heads: number[]): { store: Store; tell: (item?: TailItem) => void } {
  const items: (TailItem | undefined)[] = [];
  let wake = (): void => {};
  const tell = (item?: TailItem): void => {
    items.push(item);
    wake();
  };
  async function* tail(): AsyncGenerator<TailItem> {
    for (;;) {
      while (items.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const item = items.shift();
      if (!item) return;
      yield item;
    }
  }
  const leased = (): StoredJob[] => active.filter(({ record }) => record?.state !== JobState.QUEUED);
  const read = {
    activeQueues: async () => ['queue'],
    activeJobSets: async (queue: string) => [{ queue, jobSet: 'set', leased: leased().length }],
    jobsOfSet: async () => leased(),
  };
  const store = { read, tail, heads: async (): Promise<Positions> => [heads.shift() ?? 0] };
  return { store: store as unknown as Store, tell };
}

const entry = (number: number, jobs: StoredJob[]): LogEntry => ({
  ...LogEntryMessage.create({}),
  partition: 0,
  number,
  jobs,
});
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('followLog() offers no run that the log brings back for a moment', async () => {
  const leased = after(submitted({ n: 1 }), lease('old'));
  const back = after(leased, erred('old', returned(false)), requeued);
  const { store, tell } = storeOf([stored(back, 7)], [5, 7]);
  const inboxes = createInboxes();
  const hub = { apply: () => {}, missed: () => {} } as unknown as EventHub;
  const inbox = inboxes.inbox('cluster');
  const offered = (): string[] => inbox.takeOffers(10, 0).map(({ run }) => run.runId);
  const stopping = new AbortController();
  const { done } = await followLog(store, { hub, inboxes }, stopping.signal);

  tell({ kind: 'entries', entries: [entry(6, [stored(leased, 6)])] });
  await soon();
  assert.deepEqual([...inbox.runs.keys()], ['old']);
  assert.deepEqual(offered(), []);
  tell({ kind: 'entries', entries: [entry(7, [stored(back, 7)])] });
  tell({ kind: 'entries', entries: [entry(8, [stored(after(back, lease('new')), 8)])] });
  await soon();
  assert.deepEqual(offered(), ['new']);
  tell();
  await done;
});

test('followLog() loads anew when the log does not reach back to where it was', async () => {
  const missed: string[] = [];
  const jobs = [stored(after(submitted({ n: 1 }), lease('r')), 3)];
  const { store, tell } = storeOf(jobs, [3, 3, 9, 9]);
  const inboxes = createInboxes();
  const hub = { apply: () => {}, missed: () => missed.push('missed') } as unknown as EventHub;
  const { done } = await followLog(store, { hub, inboxes }, new AbortController().signal);
  assert.deepEqual([...inboxes.inbox('cluster').runs.keys()], ['r']);
  jobs.length = 0;
  tell({ kind: 'fell-off' });
  await soon();
  assert.deepEqual(missed, ['missed']);
  assert.deepEqual([...inboxes.inbox('cluster').runs.keys()], []);
  tell();
  await done;
});
