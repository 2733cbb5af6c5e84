import { JobState } from '@armada-ts/api/api/job';
import type { ListJobsRequest } from '@armada-ts/api/armada/jobs/v1/jobs';
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cancel, lease, running } from '../model/testing/job-events.ts';
import { after, idOf, submitted } from '../model/testing/jobs.ts';
import type { QueryDeps } from './access.ts';
import { listJobs } from './list.ts';
import { ANN, BOB, questionsAbout } from './testing/kept-jobs.ts';

const ALL: ListJobsRequest = { queue: '', jobSet: '', states: [], pageSize: 0, pageToken: '' };

/** The jobs of all pages, by number, page by page. */
async function pages(deps: QueryDeps, question: Partial<ListJobsRequest>, caller = ANN): Promise<number[][]> {
  const found: number[][] = [];
  let pageToken = '';
  do {
    const answer = await listJobs(deps, caller, { ...ALL, ...question, pageToken });
    found.push(answer.jobs.map(({ jobId }) => numberOf(jobId)));
    pageToken = answer.nextPageToken;
  } while (pageToken !== '');
  return found;
}

const numberOf = (jobId: string): number => Array.from({ length: 500 }, (_, n) => idOf(n)).indexOf(jobId);

const mixed: JobRecord[] = [
  submitted({ n: 0, jobSet: 'b' }),
  submitted({ n: 1, jobSet: 'a' }),
  submitted({ n: 2, queue: 'bobs' }),
  submitted({ n: 3, queue: 'other', jobSet: 'z' }),
  after(submitted({ n: 4, jobSet: 'b' }), lease('r'), running('r')),
  submitted({ n: 5, jobSet: 'a' }),
];

test('jobs come by queue, job set and submission, each once, in pages of any size', async () => {
  const deps = questionsAbout(mixed);
  assert.deepEqual(await pages(deps, {}), [[3, 1, 5, 0, 4]]);
  assert.deepEqual(await pages(deps, { pageSize: 2 }), [[3, 1], [5, 0], [4]]);
  for (const pageSize of [1, 3, 4, 5]) {
    assert.deepEqual((await pages(deps, { pageSize })).flat(), [3, 1, 5, 0, 4]);
  }
  assert.deepEqual((await pages(deps, { queue: 'queue', pageSize: 3 })).flat(), [1, 5, 0, 4]);
  assert.deepEqual((await pages(deps, { queue: 'queue', jobSet: 'b', pageSize: 1 })).flat(), [0, 4]);
  assert.deepEqual((await pages(deps, { jobSet: 'z', pageSize: 1 })).flat(), [3]);
  assert.deepEqual((await pages(deps, { states: [JobState.RUNNING] })).flat(), [4]);
  assert.deepEqual(await pages(deps, { queue: 'queue', jobSet: 'nothing' }), [[]]);
});

test('a page goes on where the last one ended, whatever was submitted meanwhile', async () => {
  const jobs = [...mixed];
  const deps = questionsAbout(jobs);
  const first = await listJobs(deps, ANN, { ...ALL, queue: 'queue', pageSize: 2 });
  jobs.push(
    submitted({ n: 6, jobSet: 'a' }),
    submitted({ n: 7, jobSet: '0' }),
    submitted({ n: 8, jobSet: 'c' }),
  );
  const rest = await listJobs(deps, ANN, { ...ALL, queue: 'queue', pageToken: first.nextPageToken });
  assert.deepEqual(
    rest.jobs.map(({ jobId }) => numberOf(jobId)),
    [6, 0, 4, 8],
  );
});

test('a page ends after so many job sets, with nothing lost', async () => {
  const jobs = Array.from({ length: 450 }, (_, n) =>
    submitted({ n, jobSet: `set-${String(n).padStart(3, '0')}` }),
  );
  const found = await pages(questionsAbout(jobs), { pageSize: 1000 });
  assert.deepEqual(
    found.map(({ length }) => length),
    [200, 200, 50],
  );
  assert.deepEqual(
    found.flat(),
    jobs.map((_, n) => n),
  );
  const none = await pages(questionsAbout(jobs), { states: [JobState.FAILED] });
  assert.deepEqual(none, [[], [], []]);
});

test('only queues that the caller may watch are listed', async () => {
  const deps = questionsAbout(mixed);
  assert.deepEqual((await pages(deps, {}, BOB)).flat(), [2]);
  await assert.rejects(pages(deps, { queue: 'queue' }, BOB), { code: 'PERMISSION_DENIED' });
  await assert.rejects(pages(deps, { queue: 'nowhere' }, BOB), { code: 'QUEUE_NOT_FOUND' });
});

test('what is wrong with a question is told', async () => {
  const deps = questionsAbout(mixed);
  const { nextPageToken } = await listJobs(deps, ANN, { ...ALL, queue: 'queue', jobSet: 'a', pageSize: 1 });
  const wrong: [Partial<ListJobsRequest>, string][] = [
    [{ pageSize: -1 }, 'page_size'],
    [{ states: [JobState.QUEUED, 99 as JobState] }, 'states[1]'],
    [{ pageToken: 'nonsense' }, 'page_token'],
    [{ pageToken: Buffer.from('["queue","a"]').toString('base64url') }, 'page_token'],
    [{ queue: 'other', pageToken: nextPageToken }, 'page_token'],
    [{ queue: 'queue', jobSet: 'b', pageToken: nextPageToken }, 'page_token'],
  ];
  for (const [question, field] of wrong) {
    await assert.rejects(listJobs(deps, ANN, { ...ALL, ...question }), (error: object) => {
      assert('code' in error && 'faults' in error && Array.isArray(error.faults));
      assert.deepEqual([error.code, error.faults[0].field], ['INVALID_REQUEST', field]);
      return true;
    });
  }
});

test('a line tells where the job is, and why it is as it is', async () => {
  const jobs = [after(submitted(), lease('r'), cancel('enough')), after(submitted({ n: 1 }), cancel())];
  const { jobs: lines } = await listJobs(questionsAbout(jobs), ANN, ALL);
  assert.deepEqual(
    lines.map(({ cluster, node, exitCode, reason }) => [cluster, node, exitCode, reason]),
    [
      ['cluster', 'node', undefined, 'to be cancelled by ann: enough'],
      ['', '', undefined, 'to be cancelled by ann'],
    ],
  );
});
