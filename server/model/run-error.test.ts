import { JobRunState } from '@armada-ts/api/api/job';
import { RunRecord } from '@armada-ts/api/armada/store/v1/store';
import { Error as RunError } from '@armada-ts/api/armadaevents/armadaevents';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { errorText, exitCodeOf } from './run-error.ts';

type Reason = Parameters<typeof RunError.fromPartial>[0]['reason'];

test('every error has the text that somebody gave it', () => {
  const texts: [Reason, string][] = [
    [{ $case: 'podError', value: { message: 'pod' } }, 'pod'],
    [{ $case: 'jobRunPreemptedError', value: { reason: 'room' } }, 'room'],
    [{ $case: 'leaseExpired', value: {} }, 'Lease expired'],
    [{ $case: 'executorError', value: {} }, ''],
    [undefined, ''],
  ];
  for (const [reason, text] of texts) {
    assert.equal(errorText(RunError.fromPartial(reason ? { reason } : {})), text);
  }
  assert.equal(errorText(undefined), '');
});

test('an exit code is told of runs that ended by themselves', () => {
  const codeOf = (state: JobRunState, ...codes: number[]): number | undefined => {
    const containerErrors = codes.map((exitCode) => ({ exitCode }));
    const error = { reason: { $case: 'podError' as const, value: { containerErrors } } };
    return exitCodeOf(RunRecord.fromPartial({ state, error }));
  };
  assert.equal(codeOf(JobRunState.RUN_STATE_FAILED, 0, 137, 1), 137);
  assert.equal(codeOf(JobRunState.RUN_STATE_FAILED), undefined);
  assert.equal(codeOf(JobRunState.RUN_STATE_SUCCEEDED), 0);
  assert.equal(codeOf(JobRunState.RUN_STATE_RUNNING, 1), undefined);
  assert.equal(codeOf(JobRunState.RUN_STATE_PREEMPTED, 143), undefined);
});
