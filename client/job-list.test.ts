import { JobState } from '@armada-ts/api/api/job';
import { ListedJob, type ListJobsRequest } from '@armada-ts/api/armada/jobs/v1/jobs';
import { status } from '@grpc/grpc-js';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from './connect.ts';
import { describeJob, listJobs } from './job-list.ts';
import { refusal, startFakeServer } from './testing/fake-server.ts';

test('listJobs() goes on from page to page, empty ones too, and asks for no more than is wanted', async () => {
  const asked: ListJobsRequest[] = [];
  const pages = [['a', 'b'], [], ['c']];
  await using server = await startFakeServer({
    jobList: {
      listJobs: (call, callback) => {
        asked.push(call.request);
        const page = Number(call.request.pageToken || '0');
        const jobs = (pages[page] ?? []).map((jobId) => ListedJob.fromPartial({ jobId }));
        callback(null, { jobs, nextPageToken: page === 2 ? '' : String(page + 1) });
      },
    },
  });
  using connection = connect({ address: server.address });
  const found: string[] = [];
  const filter = { queue: 'demo', jobSetId: 'set', states: [JobState.FAILED] };
  for await (const { jobId } of listJobs(connection, filter)) found.push(jobId);
  assert.deepEqual(found, ['a', 'b', 'c']);
  assert.deepEqual(
    asked.map(({ queue, jobSet, states, pageToken }) => [queue, jobSet, states, pageToken]),
    ['', '1', '2'].map((token) => ['demo', 'set', [JobState.FAILED], token]),
  );
  for await (const { jobId } of listJobs(connection, {})) if (jobId === 'a') break;
  assert.equal(asked.length, 4);
  assert.deepEqual([asked[3]?.queue, asked[3]?.jobSet, asked[3]?.states], ['', '', []]);
});

test('describeJob() of a job that is not there is refused', async () => {
  await using server = await startFakeServer({
    jobList: {
      describeJob: (call, callback) =>
        callback(refusal(status.NOT_FOUND, `job ${call.request.jobId} does not exist`)),
    },
  });
  using connection = connect({ address: server.address });
  await assert.rejects(describeJob(connection, 'gone'), {
    code: 'NOT_FOUND',
    message: 'job gone does not exist',
  });
});
