import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, idOf, type JobOptions, stored, submitted } from '../model/testing/jobs.ts';
import {
  assigned,
  BROKEN,
  cancel,
  cancelled,
  done,
  erred,
  EXPIRED,
  jobErrors,
  lease,
  type Payload,
  PREEMPTED,
  preempt,
  requeued,
  returned,
  runCancelled,
  running,
  runPreempted,
  succeeded,
} from '../model/testing/job-events.ts';
import { DRAINED } from '../model/run-error.ts';
import { createInboxes, type Inbox, type Inboxes, isStopReason } from './inboxes.ts';

const offered = (inbox: Inbox, nowMs: number, limit = 100): string[] =>
  inbox.takeOffers(limit, nowMs).map(({ run }) => run.runId);

/** A job whose record goes through these events, told to the inboxes one version after the other. */
function follow(inboxes: Inboxes, options: JobOptions = {}): (...events: Payload[]) => JobRecord {
  let record = submitted(options);
  let version = 1;
  return (...events) => {
    for (const event of events) {
      record = after(record, event);
      inboxes.apply([stored(record, ++version)]);
    }
    return record;
  };
}

function setUp(): { inboxes: Inboxes; inbox: Inbox; tell: ReturnType<typeof follow> } {
  const inboxes = createInboxes();
  return { inboxes, inbox: inboxes.inbox('cluster'), tell: follow(inboxes) };
}

test('a lease is offered once, and again only when it was not shown for 8 s', () => {
  const { inbox, tell } = setUp();
  tell(lease('r'));
  assert.deepEqual(offered(inbox, 1000), ['r']);
  assert.deepEqual(offered(inbox, 1000), []);
  assert.deepEqual(offered(inbox, 8999), []);
  assert.deepEqual(offered(inbox, 9000), ['r']);
  assert.deepEqual(offered(inbox, 9001), []);
  inbox.show(new Set(['r']));
  assert.deepEqual(offered(inbox, 20_000), [], 'its executor has it');
  inbox.show(new Set());
  assert.deepEqual(offered(inbox, 20_001), ['r'], 'its executor has forgotten it');
});

test('no more is offered than there is room for, and the rest later', () => {
  const { inboxes, inbox } = setUp();
  for (let n = 0; n < 5; n++) follow(inboxes, { n })(lease(`r${n}`));
  assert.deepEqual(offered(inbox, 0, 0), []);
  assert.deepEqual(offered(inbox, 0, 2), ['r0', 'r1']);
  assert.deepEqual(offered(inbox, 0, 9), ['r2', 'r3', 'r4']);
});

test('an inbox holds the runs of its own executor only', () => {
  const { inboxes, inbox, tell } = setUp();
  tell(lease('r'));
  assert.deepEqual([...inboxes.inbox('another').runs.keys()], []);
  assert.deepEqual([...inbox.runs.keys()], ['r']);
});

test('a run is stopped that was offered on an earlier stream', () => {
  const { inbox, tell } = setUp();
  tell(lease('r'));
  offered(inbox, 0);
  inbox.forgetOffers();
  tell(cancel());
  assert.deepEqual(inbox.takeStops(), ['r'], 'the first offer may have been taken all the same');
});

test('an offer that a broken stream may have carried is made again', () => {
  const { inbox, tell } = setUp();
  tell(lease('r'));
  offered(inbox, 0);
  inbox.forgetOffers();
  assert.deepEqual(offered(inbox, 1), ['r']);
});

test('a request to cancel stops a held run at once, and again for as long as it is shown', () => {
  const { inbox, tell } = setUp();
  tell(lease('r'));
  inbox.show(new Set(['r']));
  tell(assigned('r'), running('r'));
  assert.deepEqual(inbox.takeStops(), []);
  tell(cancel());
  assert.deepEqual(inbox.takeStops(), ['r']);
  assert.deepEqual(inbox.takeStops(), []);
  inbox.show(new Set(['r']));
  assert.deepEqual(inbox.takeStops(), ['r']);
  inbox.show(new Set());
  assert.deepEqual(inbox.takeStops(), []);
});

test('a request to preempt stops a held run at once, and one that nobody holds is not offered', () => {
  const { inbox, tell } = setUp();
  tell(lease('r'));
  inbox.show(new Set(['r']));
  tell(preempt());
  assert.deepEqual(inbox.takeStops(), ['r']);
  const another = setUp();
  another.tell(lease('r'), preempt());
  assert.deepEqual(offered(another.inbox, 0), []);
  assert.deepEqual(another.inbox.takeStops(), []);
});

test('a run that is to be cancelled is not offered, and not stopped if it never was', () => {
  const { inbox, tell } = setUp();
  tell(lease('r'), cancel());
  assert.deepEqual(offered(inbox, 0), []);
  assert.deepEqual(inbox.takeStops(), []);
  tell(runCancelled('r'), cancelled);
  assert.deepEqual(inbox.takeStops(), []);
  assert.equal(inbox.runs.size, 0);
});

test('a run withdrawn after it was offered is stopped, though its executor has not shown it yet', () => {
  const { inbox, tell } = setUp();
  tell(lease('r'));
  offered(inbox, 0);
  tell(cancelled);
  assert.deepEqual(inbox.takeStops(), ['r']);
  assert.equal(inbox.runs.size, 0);
});

const ENDS: [string, Payload[], stopped: boolean][] = [
  ['cancelled', [cancelled], true],
  ['its run cancelled', [runCancelled('r')], true],
  ['preempted', [runPreempted('r'), jobErrors(PREEMPTED)], true],
  ['given up with its executor', [erred('r', EXPIRED)], true],
  ['failed by the scheduler while it runs', [jobErrors(BROKEN)], true],
  ['succeeded', [done('r'), succeeded], false],
  ['failed by itself', [erred('r', BROKEN), jobErrors(BROKEN)], false],
  ['drained', [erred('r', { ...returned(false), failureCategory: DRAINED }), requeued], true],
  ['returned', [erred('r', returned(true)), requeued], false],
];
for (const [title, events, stopped] of ENDS) {
  test(`a held run whose job is ${title} is ${stopped ? 'stopped' : 'not stopped, for its executor knows'}`, () => {
    const { inbox, tell } = setUp();
    tell(lease('r'), assigned('r'), running('r'));
    inbox.show(new Set(['r']));
    const record = tell(...events);
    assert.deepEqual(inbox.takeStops(), stopped ? ['r'] : []);
    assert.equal(inbox.runs.size, 0);
    assert.equal(isStopReason(record, 'r'), stopped);
    assert.deepEqual(offered(inbox, 100_000), []);
  });
}

test('a run that another one took the place of is stopped', () => {
  const { inbox, tell } = setUp();
  tell(lease('r'));
  inbox.show(new Set(['r']));
  const record = tell(erred('r', returned(false)), requeued, lease('s'));
  assert(isStopReason(record, 'r'));
  assert(!isStopReason(record, 's'));
  assert(!isStopReason(record, 'unknown'), 'no record speaks of it');
  assert.deepEqual(offered(inbox, 0), ['s']);
});

test('a job that may start once is not offered again once it has started', () => {
  const inboxes = createInboxes();
  const inbox = inboxes.inbox('cluster');
  const tell = follow(inboxes, { atMostOnce: true });
  tell(lease('r'));
  assert.deepEqual(offered(inbox, 0), ['r']);
  tell(assigned('r'));
  assert.deepEqual(offered(inbox, 100_000), []);
  inbox.forgetOffers();
  assert.deepEqual(offered(inbox, 100_000), []);
});

test('versions that are older than what is known are skipped', () => {
  const { inboxes, inbox } = setUp();
  const leased = after(submitted(), lease('r'));
  inboxes.apply([stored(after(leased, cancel()), 7), stored(leased, 6), stored(leased, 7)]);
  assert.deepEqual(offered(inbox, 0), [], 'the request to cancel is not forgotten');
});

test('inboxes made anew from active records offer what is not shown, and hold what is', () => {
  const inboxes = createInboxes();
  inboxes.apply([
    stored(after(submitted({ n: 1 }), lease('r1')), 5),
    stored(after(submitted({ n: 2 }), lease('r2'), assigned('r2'), running('r2')), 9),
    stored(submitted({ n: 3 }), 2),
  ]);
  const inbox = inboxes.inbox('cluster');
  inbox.show(new Set(['r2', 'orphan']));
  assert.deepEqual(offered(inbox, 0), ['r1']);
  assert.deepEqual(inbox.takeStops(), [], 'a run that no record knows is left alone');
});

test('retain() forgets jobs that ended while nobody followed the log', () => {
  const { inboxes, inbox, tell } = setUp();
  tell(lease('r'));
  follow(inboxes, { n: 1 })(lease('s'));
  inboxes.retain(new Set([idOf(1)]));
  assert.deepEqual(offered(inbox, 100_000), ['s']);
  assert.deepEqual([...inbox.runs.keys()], ['s']);
  assert.deepEqual(inbox.takeStops(), []);
});

test('who subscribed is called once for many changes, and not after leaving', async () => {
  const { inboxes, inbox, tell } = setUp();
  let calls = 0;
  const leave = inbox.subscribe(() => calls++);
  tell(lease('r'));
  follow(inboxes, { n: 1 })(lease('s'));
  await Promise.resolve();
  assert.equal(calls, 1);
  inbox.show(new Set(['r']));
  tell(assigned('r'), running('r'));
  await Promise.resolve();
  assert.equal(calls, 1, 'what the executor reported itself is no news to it');
  tell(cancel());
  await Promise.resolve();
  assert.equal(calls, 2);
  leave();
  tell(cancelled);
  await Promise.resolve();
  assert.equal(calls, 2);
});

test('nothing is offered while the log tells what is older than the records', async () => {
  const { inboxes, inbox, tell } = setUp();
  let calls = 0;
  inbox.subscribe(() => calls++);
  inboxes.pause();
  tell(lease('r'));
  assert.deepEqual(offered(inbox, 0), []);
  await Promise.resolve();
  inboxes.resume();
  await Promise.resolve();
  assert.equal(calls, 2, 'who waits is called again');
  assert.deepEqual(offered(inbox, 0), ['r']);
});

test('an executor that has left and has nothing to hold is forgotten, with what it was to be told', () => {
  const { inboxes, inbox, tell } = setUp();
  const second = inboxes.inbox('cluster');
  tell(lease('r'));
  inbox.show(new Set(['r']));
  tell(cancel());
  inboxes.release(inbox);
  assert.deepEqual(second.takeStops(), ['r'], 'somebody is there to be told');
  inboxes.release(second);
  const third = inboxes.inbox('cluster');
  assert.deepEqual([...third.runs.keys()], ['r'], 'it has something to hold');
  inboxes.release(third);
  tell(cancelled);
  const fourth = inboxes.inbox('cluster');
  assert.notEqual(fourth.runs, inbox.runs);
  assert.deepEqual(fourth.takeStops(), [], 'what it shows is compared with the records');
});
