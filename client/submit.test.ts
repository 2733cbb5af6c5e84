import assert from 'node:assert/strict';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { JobSubmitRequestItem, type JobSubmitRequest, type SubmitServer } from '@armada-ts/api/api/submit';
import { BadRequest } from '@armada-ts/api/google/rpc/error_details';
import { connect } from './connect.ts';
import { batches, MAX_BATCH_BYTES, MAX_BATCH_ITEMS, submitJobs, type SubmittedItem } from './submit.ts';
import { detail, refusal, startFakeServer } from './testing/fake-server.ts';

function items(count: number, clientId = ''): JobSubmitRequestItem[] {
  return Array.from({ length: count }, () => ({ ...JobSubmitRequestItem.create(), clientId }));
}

async function collect(jobs: AsyncIterable<SubmittedItem>): Promise<SubmittedItem[]> {
  const collected: SubmittedItem[] = [];
  for await (const job of jobs) collected.push(job);
  return collected;
}

/** Accepts everything, and keeps the requests. */
function acceptAll(requests: JobSubmitRequest[]): SubmitServer['submitJobs'] {
  return (call, callback) => {
    const first = requests.reduce((sum, request) => sum + request.jobRequestItems.length, 0);
    requests.push(call.request);
    callback(null, {
      jobResponseItems: call.request.jobRequestItems.map((_, place) => ({
        jobId: `job-${first + place}`,
        error: '',
      })),
    });
  };
}

test('submitJobs() cuts into batches and counts through', async () => {
  const requests: JobSubmitRequest[] = [];
  await using server = await startFakeServer({ submit: { submitJobs: acceptAll(requests) } });
  using connection = connect({ address: server.address });
  const jobs = await collect(
    submitJobs(connection, { queue: 'demo', jobSetId: 'set', items: items(MAX_BATCH_ITEMS + 2) }),
  );
  assert.deepEqual(
    requests.map((request) => [request.queue, request.jobSetId, request.jobRequestItems.length]),
    [
      ['demo', 'set', MAX_BATCH_ITEMS],
      ['demo', 'set', 2],
    ],
  );
  assert.equal(jobs.length, MAX_BATCH_ITEMS + 2);
  assert.deepEqual(jobs.at(-1), {
    index: MAX_BATCH_ITEMS + 1,
    jobId: `job-${MAX_BATCH_ITEMS + 1}`,
    error: '',
  });
});

test('submitJobs() gives items client ids of their own, and keeps those they have', async () => {
  const requests: JobSubmitRequest[] = [];
  await using server = await startFakeServer({ submit: { submitJobs: acceptAll(requests) } });
  using connection = connect({ address: server.address });
  const given = [...items(2), ...items(1, 'mine')];
  await collect(submitJobs(connection, { queue: 'demo', jobSetId: 'set', items: given }));
  const ids = requests[0]!.jobRequestItems.map(({ clientId }) => clientId);
  assert.equal(new Set(ids).size, 3);
  assert.equal(ids[2], 'mine');
  assert.ok(ids.every((id) => id !== '' && id.length <= 100));
  assert.ok(given.every(({ clientId }, index) => clientId === (index === 2 ? 'mine' : '')));
});

test('submitJobs() repeats a request whose answer was lost, with the same client ids', async () => {
  const requests: JobSubmitRequest[] = [];
  const accept = acceptAll(requests);
  let calls = 0;
  await using server = await startFakeServer({
    submit: {
      submitJobs: (call, callback) => {
        calls += 1;
        if (calls === 1) {
          requests.push(call.request);
          callback(refusal(status.UNAVAILABLE, 'store is restarting'));
        } else {
          accept(call, callback);
        }
      },
    },
  });
  using connection = connect({ address: server.address });
  const jobs = await collect(submitJobs(connection, { queue: 'demo', jobSetId: 'set', items: items(1) }));
  assert.equal(jobs.length, 1);
  assert.equal(calls, 2);
  assert.deepEqual(requests[0], requests[1]);
});

test('submitJobs() does not repeat a refusal, and counts its items from the start of the submission', async () => {
  let calls = 0;
  const accept = acceptAll([]);
  await using server = await startFakeServer({
    submit: {
      submitJobs: (call, callback) => {
        calls += 1;
        if (calls === 1) return accept(call, callback);
        const fieldViolations = [{ field: 'job_request_items[1].namespace', description: 'is missing' }];
        callback(
          refusal(status.INVALID_ARGUMENT, 'an item is wrong', [
            detail('google.rpc.BadRequest', BadRequest, { fieldViolations }),
          ]),
        );
      },
    },
  });
  using connection = connect({ address: server.address });
  const submission = { queue: 'demo', jobSetId: 'set', items: items(MAX_BATCH_ITEMS + 2) };
  const accepted: SubmittedItem[] = [];
  await assert.rejects(
    async () => {
      for await (const job of submitJobs(connection, submission)) accepted.push(job);
    },
    {
      code: 'INVALID_ARGUMENT',
      faults: [{ field: `job_request_items[${MAX_BATCH_ITEMS + 1}].namespace`, message: 'is missing' }],
    },
  );
  assert.equal(accepted.length, MAX_BATCH_ITEMS);
  assert.equal(calls, 2);
});

test('batches() keeps requests under the size a server takes, and loses nothing', () => {
  const large = (bytes: number) => ({ ...JobSubmitRequestItem.create(), namespace: 'x'.repeat(bytes) });
  const third = Math.floor(MAX_BATCH_BYTES / 3);
  const sizes = [...batches([third, third, third, 10, MAX_BATCH_BYTES * 2, 10].map(large))];
  assert.deepEqual(
    sizes.map((batch) => batch.length),
    [2, 2, 1, 1],
  );
  assert.deepEqual([...batches([])], []);
});
