import { JobState } from '@armada-ts/api/api/job';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  erred,
  jobErrors as jobFailed,
  lease,
  REJECTED,
  requeued,
  returned,
  running,
} from '../model/testing/job-events.ts';
import { after, idOf, submitted } from '../model/testing/jobs.ts';
import { jobErrors, jobStatus, jobStatusByExternalUri } from './status.ts';
import { ANN, BOB, questionsAbout } from './testing/kept-jobs.ts';

const ids = Array.from({ length: 501 }, (_, n) => idOf(n));
const runs = after(submitted({ n: 1 }), lease('r'), running('r'));
const hidden = submitted({ n: 2, queue: 'bobs' });
const orphan = submitted({ n: 3, queue: 'deleted' });

test('every id asked for has a state, that of an unknown or hidden job being UNKNOWN', async () => {
  const deps = questionsAbout([submitted(), runs, hidden, orphan]);
  const { jobStates } = await jobStatus(deps, ANN, [...ids.slice(0, 5), 'no id']);
  const { QUEUED, RUNNING, UNKNOWN } = JobState;
  assert.deepEqual(
    [...jobStates],
    [
      [idOf(0), QUEUED],
      [idOf(1), RUNNING],
      [idOf(2), UNKNOWN],
      [idOf(3), UNKNOWN],
      [idOf(4), UNKNOWN],
      ['no id', UNKNOWN],
    ],
  );
  assert.equal((await jobStatus(deps, BOB, ids.slice(2, 3))).jobStates.get(idOf(2)), QUEUED);
});

test('more than 500 ids are refused, 500 are not', async () => {
  const deps = questionsAbout([]);
  assert.equal((await jobStatus(deps, ANN, ids.slice(1))).jobStates.size, 500);
  const message = 'must have at most 500 ids, got 501; ask in several requests';
  const refusal = { code: 'INVALID_REQUEST', faults: [{ field: 'job_ids', message }] };
  await assert.rejects(jobStatus(deps, ANN, ids), refusal);
  await assert.rejects(jobErrors(deps, ANN, ids), refusal);
});

test('jobs are found by their external URI, by those who may watch the queue', async () => {
  const externalJobUri = 'https://example.com/1';
  const deps = questionsAbout([
    { ...submitted(), externalJobUri },
    { ...runs, externalJobUri },
    submitted({ n: 2 }),
    { ...submitted({ n: 3, jobSet: 'else' }), externalJobUri },
  ]);
  const question = { queue: 'queue', jobset: 'set', externalJobUri };
  const { jobStates } = await jobStatusByExternalUri(deps, ANN, question);
  assert.deepEqual(
    [...jobStates],
    [
      [idOf(0), JobState.QUEUED],
      [idOf(1), JobState.RUNNING],
    ],
  );
  const nothing = { jobStates: new Map() };
  assert.deepEqual(await jobStatusByExternalUri(deps, BOB, question), nothing);
  assert.deepEqual(await jobStatusByExternalUri(deps, ANN, { ...question, queue: 'no' }), nothing);
  await assert.rejects(jobStatusByExternalUri(deps, ANN, { ...question, externalJobUri: '' }), {
    code: 'INVALID_REQUEST',
    faults: [{ field: 'external_job_uri', message: 'must not be empty' }],
  });
});

test('errors are those of the job, else of its newest run', async () => {
  const lost = after(submitted({ n: 1 }), lease('r'), erred('r', returned(true)), requeued);
  const again = after({ ...lost, jobId: idOf(2) }, lease('s'));
  const never = { ...REJECTED, reason: { $case: 'jobRejected' as const, value: { message: 'never' } } };
  const rejected = after(submitted({ n: 3 }), jobFailed(never));
  const both = { ...rejected, jobId: idOf(4), runs: lost.runs };
  const { jobErrors: texts } = await jobErrors(
    questionsAbout([submitted(), lost, again, rejected, both, submitted({ n: 5, queue: 'bobs' })]),
    ANN,
    ids.slice(0, 7),
  );
  assert.deepEqual(
    [...texts],
    [
      [idOf(0), ''],
      [idOf(1), 'no'],
      [idOf(2), ''],
      [idOf(3), 'never'],
      [idOf(4), 'never'],
    ],
  );
});
