import type { ReadLogRequest } from '@armada-ts/api/armada/logs/v1/logs';
import { Queue } from '@armada-ts/api/api/queue';
import type { JobRecord } from '@armada-ts/api/armada/store/v1/store';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, idOf, stored, submitted } from '../model/testing/jobs.ts';
import { erred, EXPIRED, lease, requeued } from '../model/testing/job-events.ts';
import { createAuthorizer } from '../auth/authorizer.ts';
import type { Store } from '../store/store.ts';
import { type LogDeps, readLog } from './logs.ts';

const authorizer = createAuthorizer({ permissionGroupMapping: {}, permissionScopeMapping: {} });
const principal = (name: string) => ({ name, groups: [], scopes: [], scheme: 'test' });

/** Reads through; the questions that reached an executor are told in few words. */
async function read(job: JobRecord, request: Partial<ReadLogRequest>, caller = 'ann') {
  const asked: string[] = [];
  const deps: LogDeps = {
    authorizer,
    store: {
      read: {
        jobs: async (ids: string[]) => (ids.includes(job.jobId) ? [stored(job, 1)] : []),
        queue: async (name: string) => ({ queue: Queue.create({ name, userOwners: ['ann'] }), version: 1 }),
      },
    } as unknown as Store,
    async *readFromExecutor(executorId, { runId, container, offset, follow }) {
      asked.push([executorId, runId, container, offset, follow].join(' '));
      yield { data: Buffer.from('he'), offset: 5 };
      yield { data: Buffer.from('llo'), offset: 7 };
    },
  };
  const whole = { jobId: idOf(0), runId: '', container: '', offset: 0n, follow: false, ...request };
  const parts: [string, bigint, string][] = [];
  const call = { signal: new AbortController().signal, onQueue: () => {} };
  for await (const part of readLog(deps, principal(caller), whole, call)) {
    parts.push([part.data.toString(), part.offset, part.runId]);
  }
  return { asked, parts };
}

const twoRuns = after(submitted(), lease('first'), erred('first', EXPIRED), requeued, lease('second'));

test('the log of the newest run is read from the executor that has it', async () => {
  const { asked, parts } = await read(twoRuns, { container: 'side', offset: -9n, follow: true });
  assert.deepEqual(asked, ['cluster second side -9 true']);
  assert.deepEqual(parts, [
    ['he', 5n, 'second'],
    ['llo', 7n, 'second'],
  ]);
});

test('the log of an earlier run is read by its id', async () => {
  const { asked } = await read(twoRuns, { runId: 'first' });
  assert.deepEqual(asked, ['cluster first  0 false']);
});

test('a request that names no job is told what a job id looks like', async () => {
  await assert.rejects(read(twoRuns, { jobId: 'mine' }), {
    code: 'INVALID_REQUEST',
    message: 'job_id must be a job id of 26 characters, got "mine"',
    faults: [{ field: 'job_id', message: 'must be a job id of 26 characters, got "mine"' }],
  });
});

test('a job of a queue that the caller may not watch does not exist for them', async () => {
  const unknown = { code: 'JOB_NOT_FOUND', message: `job ${idOf(7)} does not exist` };
  await assert.rejects(read(twoRuns, { jobId: idOf(7) }), unknown);
  await assert.rejects(read(twoRuns, {}, 'bob'), { ...unknown, message: `job ${idOf(0)} does not exist` });
});

test('a job without such a run has no log', async () => {
  await assert.rejects(read(submitted(), {}), {
    code: 'LOG_NOT_FOUND',
    message: `job ${idOf(0)} has not run yet`,
  });
  await assert.rejects(read(twoRuns, { runId: 'third' }), {
    code: 'LOG_NOT_FOUND',
    message: `job ${idOf(0)} has no run "third"`,
  });
});
