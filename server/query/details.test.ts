import { JobRunState, JobState } from '@armada-ts/api/api/job';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestampOf } from '../model/instant.ts';
import {
  assigned,
  cancel,
  cancelled,
  EXPIRED,
  erred,
  lease,
  requeued,
  runCancelled,
  running,
} from '../model/testing/job-events.ts';
import { after, AT_MS, idOf, submitted } from '../model/testing/jobs.ts';
import { jobDetails, jobRunDetails } from './details.ts';
import { ANN, BOB, questionsAbout } from './testing/kept-jobs.ts';

const AT = timestampOf(AT_MS);
const twoRuns = after(submitted(), lease('first'), erred('first', EXPIRED), requeued, lease('second'));
const gone = after(
  submitted({ n: 1 }),
  lease('third'),
  assigned('third'),
  running('third'),
  cancel('late'),
  runCancelled('third'),
  cancelled,
);
const jobIds = [idOf(0), idOf(1), idOf(9)];

test('a record is told whole, its spec and runs on request', async () => {
  const deps = questionsAbout([twoRuns, gone]);
  const plain = { jobIds, expandJobSpec: false, expandJobRun: false };
  const { jobDetails: found } = await jobDetails(deps, ANN, plain);
  assert.deepEqual([...found.keys()], [idOf(0), idOf(1)]);
  assert.deepEqual(found.get(idOf(0)), {
    jobId: idOf(0),
    queue: 'queue',
    jobset: 'set',
    namespace: '',
    state: JobState.LEASED,
    submittedTs: AT,
    cancelTs: undefined,
    cancelReason: '',
    cancelUser: '',
    lastTransitionTs: AT,
    latestRunId: 'second',
    jobSpec: undefined,
    jobRuns: [],
  });
  const whole = await jobDetails(deps, ANN, { jobIds, expandJobSpec: true, expandJobRun: true });
  const job = whole.jobDetails.get(idOf(0));
  assert.deepEqual(
    [job?.jobSpec?.id, job?.jobSpec?.owner, job?.jobSpec?.priority, job?.jobSpec?.created],
    [idOf(0), 'ann', 7, AT],
  );
  assert.deepEqual(
    job?.jobRuns.map(({ runId, state }) => [runId, state]),
    [
      ['second', JobRunState.RUN_STATE_LEASED],
      ['first', JobRunState.RUN_STATE_LEASE_EXPIRED],
    ],
  );
});

test('a cancelled job tells when, by whom and why; one that is only to be cancelled does not', async () => {
  const asked = after(submitted({ n: 2 }), cancel('soon'));
  const deps = questionsAbout([{ ...gone, endedAtMs: AT_MS + 5 }, asked]);
  const question = { jobIds: [idOf(1), idOf(2)], expandJobSpec: false, expandJobRun: true };
  const { jobDetails: found } = await jobDetails(deps, ANN, question);
  const told = (id: string) => {
    const { state, cancelTs, cancelReason, cancelUser } = found.get(id)!;
    return [state, cancelTs, cancelReason, cancelUser];
  };
  assert.deepEqual(told(idOf(1)), [JobState.CANCELLED, timestampOf(AT_MS + 5), 'late', 'ann']);
  assert.deepEqual(told(idOf(2)), [JobState.QUEUED, undefined, '', '']);
  assert.equal(found.get(idOf(1))?.jobRuns[0]?.state, JobRunState.RUN_STATE_CANCELLED);
});

test('runs are found by their ids, earlier ones too, for those who may watch the queue', async () => {
  const addresses = new Map([[80, 'a.example.com']]);
  const runs = twoRuns.runs.map((run) => ({ ...run, ingressAddresses: addresses }));
  const deps = questionsAbout([{ ...twoRuns, runs }, gone]);
  const { jobRunDetails: found } = await jobRunDetails(deps, ANN, ['third', 'first', 'fourth']);
  assert.deepEqual([...found.keys()].sort(), ['first', 'third']);
  assert.deepEqual(found.get('first'), {
    runId: 'first',
    jobId: idOf(0),
    state: JobRunState.RUN_STATE_LEASE_EXPIRED,
    cluster: 'cluster',
    node: 'node',
    leasedTs: AT,
    pendingTs: undefined,
    startedTs: undefined,
    finishedTs: AT,
    ingressAddresses: addresses,
  });
  assert.deepEqual(found.get('third')?.startedTs, AT);
  assert.equal((await jobRunDetails(deps, BOB, ['first'])).jobRunDetails.size, 0);
  const tooMany = Array.from({ length: 501 }, (_, i) => `run ${i}`);
  await assert.rejects(jobRunDetails(deps, ANN, tooMany), { code: 'INVALID_REQUEST' });
});
