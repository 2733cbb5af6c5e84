import { KubernetesReason, PodError } from '@armada-ts/api/armadaevents/armadaevents';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { timestampOf } from '../model/instant.ts';
import {
  BROKEN,
  cancel,
  done,
  erred,
  jobErrors,
  lease,
  requeued,
  returned,
  running,
  succeeded,
} from '../model/testing/job-events.ts';
import { after, AT_MS, idOf, submitted } from '../model/testing/jobs.ts';
import { describeJob } from './describe.ts';
import { ANN, BOB, questionsAbout } from './testing/kept-jobs.ts';

const podError = PodError.fromPartial({
  message: 'container "main" exited with code 3',
  kubernetesReason: KubernetesReason.AppError,
  containerErrors: [
    { objectMeta: { name: 'side' }, exitCode: 0 },
    { objectMeta: { name: 'main' }, exitCode: 3 },
  ],
});
const FAILED = { ...BROKEN, reason: { $case: 'podError' as const, value: podError } };

test('a job is told with its runs, the newest first, and how each went', async () => {
  const job = after(
    submitted(),
    lease('a'),
    erred('a', returned(false)),
    requeued,
    lease('b'),
    running('b'),
    erred('b', FAILED),
    jobErrors(FAILED),
  );
  const { job: line, runs, spec, cancel: asked } = await describeJob(questionsAbout([job]), ANN, idOf(0));
  assert.deepEqual(
    [line?.exitCode, line?.reason, spec?.priority, asked],
    [3, 'container "main" exited with code 3', 7, undefined],
  );
  assert.deepEqual(
    runs.map(({ runId, exitCode, error, started }) => [runId, exitCode, error, started]),
    [
      ['b', 3, 'container "main" exited with code 3', timestampOf(AT_MS)],
      ['a', undefined, 'no', undefined],
    ],
  );
});

test('a run that succeeded has exit code 0, and its job needs no reason', async () => {
  const job = after(submitted(), lease('a'), running('a'), done('a'), succeeded);
  const { job: line, runs } = await describeJob(questionsAbout([job]), ANN, idOf(0));
  assert.deepEqual([line?.exitCode, line?.reason, runs[0]?.exitCode], [0, '', 0]);
});

test('who asked for the end of a job is told', async () => {
  const { cancel: asked } = await describeJob(
    questionsAbout([after(submitted(), cancel('no need'))]),
    ANN,
    idOf(0),
  );
  assert.deepEqual(asked, { user: 'ann', reason: 'no need', at: timestampOf(AT_MS) });
});

test('a job of others does not exist', async () => {
  const deps = questionsAbout([submitted()]);
  for (const [caller, id] of [
    [BOB, idOf(0)],
    [ANN, idOf(1)],
  ] as const) {
    const refusal = { code: 'JOB_NOT_FOUND', message: `job ${id} does not exist` };
    await assert.rejects(describeJob(deps, caller, id), refusal);
  }
  await assert.rejects(describeJob(deps, ANN, 'x'), { code: 'INVALID_REQUEST' });
});
