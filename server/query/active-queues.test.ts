import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cancelled, EXPIRED, erred, lease } from '../model/testing/job-events.ts';
import { after, submitted } from '../model/testing/jobs.ts';
import { activeQueues } from './active-queues.ts';
import { ANN, BOB, questionsAbout } from './testing/kept-jobs.ts';

/** A job with a run in this pool. */
function leased(n: number, pool: string, queue = 'queue', jobSet = 'set'): JobRecord {
  const record = after(submitted({ n, queue, jobSet }), lease(`r${n}`));
  return { ...record, runs: record.runs.map((run) => ({ ...run, pool })) };
}

async function shown(deps: ReturnType<typeof questionsAbout>, caller = ANN): Promise<object> {
  const { activeQueuesByPool } = await activeQueues(deps, caller);
  return Object.fromEntries([...activeQueuesByPool].map(([pool, { queues }]) => [pool, queues]));
}

test('queues are active where they have a run under way, also beyond the first step of reading', async () => {
  const many = Array.from({ length: 1200 }, (_, n) => leased(n, n === 1100 ? 'gpu' : 'cpu'));
  const jobs = [
    ...many,
    leased(1300, 'cpu', 'other', 'a'),
    leased(1301, 'gpu', 'bobs'),
    submitted({ n: 1302, queue: 'other' }),
  ];
  const deps = questionsAbout(jobs, undefined, ['cpu', 'gpu', 'idle']);
  assert.deepEqual(await shown(deps), { cpu: ['other', 'queue'], gpu: ['queue'] });
  assert.deepEqual(await shown(deps, BOB), { gpu: ['bobs'] });
});

test('a queue that only waits, or whose run is over, is not active', async () => {
  const over = after(submitted({ n: 1 }), lease('r'), erred('r', EXPIRED));
  assert.deepEqual(await shown(questionsAbout([submitted(), over])), {});
});

test('queues without live jobs are not asked after, however many there are', async () => {
  const owners = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`idle-${n}`, 'ann']));
  const jobs = [leased(1, 'cpu'), after(submitted({ n: 2, queue: 'idle-1' }), cancelled)];
  const deps = questionsAbout(jobs, { ...owners, queue: 'ann' });
  const asked: string[] = [];
  const { read } = deps.store;
  const activeJobSets: typeof read.activeJobSets = (queue) => {
    asked.push(queue);
    return read.activeJobSets(queue);
  };
  assert.deepEqual(await shown({ ...deps, store: { read: { ...read, activeJobSets } } }), { cpu: ['queue'] });
  assert.deepEqual(asked, ['queue']);
});

test('a queue is read no further than until it was seen in every pool', async () => {
  const deps = questionsAbout(
    Array.from({ length: 1200 }, (_, n) => leased(n, 'cpu')),
    undefined,
    ['cpu'],
  );
  let steps = 0;
  const { read } = deps.store;
  const counted: typeof read.jobsOfSet = (...question) => {
    steps++;
    return read.jobsOfSet(...question);
  };
  assert.deepEqual(await shown({ ...deps, store: { read: { ...read, jobsOfSet: counted } } }), {
    cpu: ['queue'],
  });
  assert.equal(steps, 1);
});
