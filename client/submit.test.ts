import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { JobSubmitRequestItem, type JobSubmitRequest, type SubmitServer } from '@armada-ts/api/api/submit';
import { BadRequest, RetryInfo } from '@armada-ts/api/google/rpc/error_details';
import { contentClientIds } from './client-ids.ts';
import { connect } from './connect.ts';
import { submitJobs, type SubmittedItem } from './submit.ts';
import { detail, refusal, startFakeServer } from './testing/fake-server.ts';

type SubmitJobs = SubmitServer['submitJobs'];

/** Items that differ by their priority, unless told otherwise. */
function items(count: number, of: (index: number) => Partial<JobSubmitRequestItem> = () => ({})) {
  return Array.from({ length: count }, (_, index) => ({
    ...JobSubmitRequestItem.create(),
    priority: index,
    ...of(index),
  }));
}

async function collect(jobs: AsyncIterable<SubmittedItem>): Promise<SubmittedItem[]> {
  const collected: SubmittedItem[] = [];
  for await (const job of jobs) collected.push(job);
  return collected;
}

/** Accepts everything under an id that tells the item's priority, and keeps the requests. */
function acceptAll(requests: JobSubmitRequest[]): SubmitJobs {
  return (call, callback) => {
    requests.push(call.request);
    const jobResponseItems = call.request.jobRequestItems.map(({ priority }) => ({
      jobId: `job-${priority}`,
      error: '',
    }));
    callback(null, { jobResponseItems });
  };
}

/** Refuses a request, naming some of its items. */
function refuseItems(places: readonly number[]) {
  const fieldViolations = places.map((place) => ({
    field: `job_request_items[${place}].namespace`,
    description: 'is missing',
  }));
  return refusal(status.INVALID_ARGUMENT, 'an item is wrong', [
    detail('google.rpc.BadRequest', BadRequest, { fieldViolations }),
  ]);
}

const place = { queue: 'demo', jobSetId: 'set' };

test('submitJobs() cuts into requests under count and size, and counts through', async () => {
  const requests: JobSubmitRequest[] = [];
  await using server = await startFakeServer({ submit: { submitJobs: acceptAll(requests) } });
  using connection = connect({ address: server.address });
  const sizes = [400, 400, 400, 10, 5_000, 10, 10, 10, 10];
  const given = items(sizes.length, (index) => ({ namespace: 'x'.repeat(sizes[index]!) }));
  const jobs = await collect(
    submitJobs(
      connection,
      { ...place, items: given },
      { maxBatchItems: 3, maxBatchBytes: 1_000, maxInFlight: 1 },
    ),
  );
  assert.deepEqual(
    requests.map((request) => [request.queue, request.jobSetId, request.jobRequestItems.length]),
    [2, 2, 1, 3, 1].map((count) => ['demo', 'set', count]),
  );
  assert.deepEqual(
    jobs.map(({ index, jobId, error }) => [index, jobId, error]),
    sizes.map((_, index) => [index, `job-${index}`, '']),
  );
  assert.deepEqual(await collect(submitJobs(connection, { ...place, items: [] })), []);
});

test('submitJobs() keeps gangs whole and results in order', async () => {
  const requests: JobSubmitRequest[] = [];
  await using server = await startFakeServer({ submit: { submitJobs: acceptAll(requests) } });
  using connection = connect({ address: server.address });
  const gang = new Map([['armadaproject.io/gangId', 'g']]);
  const inGang = new Set([1, 4, 5]);
  const given = items(7, (index) => (inGang.has(index) ? { annotations: gang } : {}));
  const jobs = await collect(
    submitJobs(connection, { ...place, items: given }, { maxBatchItems: 2, maxInFlight: 1 }),
  );
  assert.deepEqual(
    requests.map(({ jobRequestItems }) => jobRequestItems.map(({ priority }) => priority)),
    [[0], [1, 4, 5], [2, 3], [6]],
  );
  assert.deepEqual(
    jobs.map(({ index, jobId }) => [index, jobId]),
    given.map((_, index) => [index, `job-${index}`]),
  );
});

test('submitJobs() makes client ids of content, so that the same list is the same jobs', async () => {
  const requests: JobSubmitRequest[] = [];
  await using server = await startFakeServer({ submit: { submitJobs: acceptAll(requests) } });
  using connection = connect({ address: server.address });
  const idsOf = async (given: JobSubmitRequestItem[], jobSetId = 'set', clientIds?: 'random') => {
    await collect(
      submitJobs(connection, { ...place, jobSetId, items: given }, clientIds ? { clientIds } : {}),
    );
    return requests.at(-1)!.jobRequestItems.map(({ clientId }) => clientId);
  };
  const list = items(3, (index) => (index < 2 ? { priority: 7 } : { clientId: 'mine' }));
  const ids = await idsOf(list);
  assert.equal(new Set(ids).size, 3, 'equal items are jobs of their own');
  assert.equal(ids[2], 'mine');
  assert.ok(ids.every((id) => id !== '' && id.length <= 100));
  assert.ok(list.every(({ clientId }, index) => clientId === (index === 2 ? 'mine' : '')));
  assert.deepEqual(await idsOf(list), ids);
  const [other, ...same] = await idsOf([{ ...list[0]!, priority: 8 }, ...list]);
  assert.deepEqual(same, ids, 'an item more changes no other');
  assert.ok(other && !ids.includes(other));
  const elsewhere = await idsOf(list, 'another');
  const [chance] = await idsOf(list, 'set', 'random');
  for (const id of [elsewhere[0], elsewhere[1], chance]) assert.ok(id && !ids.includes(id));
});

test('submitJobs() makes the same client ids however the entries of maps are ordered', () => {
  const ids = [
    ['a', 'b'],
    ['b', 'a'],
  ].map((keys) => {
    const labels = new Map(keys.map((key) => [key, '1']));
    const limits = new Map(keys.map((key) => [key, { string: '1' }]));
    const podSpecs = [{ containers: [{ name: 'main', resources: { limits } }] }];
    const given = JobSubmitRequestItem.fromPartial({ labels, annotations: labels, podSpecs });
    return contentClientIds('set', [given]);
  });
  assert.deepEqual(ids[0], ids[1]);
});

test('submitJobs() keeps a bounded number of requests under way', async () => {
  let underway = 0;
  let most = 0;
  const accept = acceptAll([]);
  const submitJobsSlowly: SubmitJobs = (call, callback) => {
    underway += 1;
    most = Math.max(most, underway);
    setTimeout(() => {
      underway -= 1;
      accept(call, callback);
    }, 10);
  };
  await using server = await startFakeServer({ submit: { submitJobs: submitJobsSlowly } });
  using connection = connect({ address: server.address });
  const options = { maxBatchItems: 1, maxInFlight: 3 };
  const jobs = await collect(submitJobs(connection, { ...place, items: items(12) }, options));
  assert.deepEqual(
    jobs.map(({ index }) => index),
    items(12).map((_, index) => index),
  );
  assert.equal(most, 3);
});

test('submitJobs() repeats a request whose answer was lost, with the same client ids', async () => {
  const requests: JobSubmitRequest[] = [];
  const accept = acceptAll(requests);
  const busy = [detail('google.rpc.RetryInfo', RetryInfo, { retryDelay: { seconds: 0n, nanos: 1_000_000 } })];
  const failures = [
    refusal(status.UNAVAILABLE, 'store is restarting'),
    refusal(status.RESOURCE_EXHAUSTED, 'busy', busy),
    refusal(status.DEADLINE_EXCEEDED, 'slow'),
  ];
  await using server = await startFakeServer({
    submit: {
      submitJobs: (call, callback) => {
        const failure = failures.shift();
        if (!failure) return accept(call, callback);
        requests.push(call.request);
        callback(failure);
      },
    },
  });
  using connection = connect({ address: server.address });
  const jobs = await collect(submitJobs(connection, { ...place, items: items(1) }));
  assert.equal(jobs.length, 1);
  assert.equal(requests.length, 4);
  for (const request of requests) assert.deepEqual(request, requests[0]);
});

test('submitJobs() says that a submission whose answer was lost can be repeated', async () => {
  await using server = await startFakeServer({
    submit: { submitJobs: (_, callback) => callback(refusal(status.DEADLINE_EXCEEDED, 'slow')) },
  });
  using connection = connect({ address: server.address, retryForMs: 0 });
  const submit = (clientIds: 'content' | 'random') =>
    collect(submitJobs(connection, { ...place, items: items(1) }, { clientIds }));
  await assert.rejects(submit('content'), { code: 'DEADLINE_EXCEEDED', message: /^slow; .* none twice$/ });
  await assert.rejects(submit('random'), { code: 'DEADLINE_EXCEEDED', message: 'slow' });
});

test('submitJobs() goes on when the server was away in between', async () => {
  const first = await startFakeServer({ submit: { submitJobs: acceptAll([]) } });
  using connection = connect({ address: first.address, connectTimeoutMs: 100 });
  const submitting = submitJobs(
    connection,
    { ...place, items: items(2) },
    { maxBatchItems: 1, maxInFlight: 1 },
  );
  assert.equal((await submitting.next()).value?.jobId, 'job-0');
  await first.stop();
  const rest = collect(submitting);
  await sleep(300);
  await using second = await startFakeServer({ submit: { submitJobs: acceptAll([]) } }, first.port);
  assert.equal(second.port, first.port);
  assert.deepEqual(
    (await rest).map(({ jobId }) => jobId),
    ['job-1'],
  );
});

test('submitJobs() ends with a refusal, after all that was accepted, and counts from the start of the submission', async () => {
  let calls = 0;
  const accept = acceptAll([]);
  await using server = await startFakeServer({
    submit: {
      submitJobs: (call, callback) => {
        calls += 1;
        if (call.request.jobRequestItems.some(({ namespace }) => namespace === 'bad'))
          callback(refuseItems([1]));
        else accept(call, callback);
      },
    },
  });
  using connection = connect({ address: server.address });
  const given = items(20, (index) => (index === 3 ? { namespace: 'bad' } : {}));
  const done: SubmittedItem[] = [];
  await assert.rejects(
    async () => {
      const options = { maxBatchItems: 2, maxInFlight: 3 };
      for await (const job of submitJobs(connection, { ...place, items: given }, options)) done.push(job);
    },
    {
      code: 'INVALID_ARGUMENT',
      faults: [{ field: 'job_request_items[3].namespace', message: 'is missing' }],
    },
  );
  assert.equal(calls, done.length / 2 + 1, 'every request was waited for, and none sent after the refusal');
  assert.ok(done.length < 20 && done.every(({ index, jobId }) => jobId === `job-${index}`));
});

test('submitJobs() reports items that are wrong, and submits the others without them', async () => {
  await using server = await startFakeServer({
    submit: {
      submitJobs: (call, callback) => {
        const places = [...call.request.jobRequestItems.entries()].flatMap(([at, item]) =>
          item.namespace === 'bad' ? [at] : [],
        );
        // As servers do, not all at once.
        if (places.length > 0) callback(refuseItems(places.slice(0, 1)));
        else acceptAll([])(call, callback);
      },
    },
  });
  using connection = connect({ address: server.address });
  const gang = new Map([['armadaproject.io/gangId', 'g']]);
  const given = items(8, (index) => ({
    ...([1, 2, 6].includes(index) && { namespace: 'bad' }),
    ...([5, 6, 7].includes(index) && { annotations: gang }),
  }));
  const options = { maxBatchItems: 4, refused: 'report' } as const;
  const jobs = await collect(submitJobs(connection, { ...place, items: given }, options));
  const mate = 'item 6 of the same gang was refused';
  assert.deepEqual(
    jobs.map(({ index, jobId, error }) => [index, jobId, error]),
    [
      [0, 'job-0', ''],
      [1, '', 'namespace is missing'],
      [2, '', 'namespace is missing'],
      [3, 'job-3', ''],
      [4, 'job-4', ''],
      [5, '', mate],
      [6, '', 'namespace is missing'],
      [7, '', mate],
    ],
  );
  assert.equal(jobs[2]!.refusal?.code, 'INVALID_ARGUMENT');
  assert.deepEqual(jobs[2]!.refusal?.faults, [{ field: 'namespace', message: 'is missing' }]);
});

test('submitJobs() throws what is not about items, also when those are reported', async () => {
  await using server = await startFakeServer({
    submit: { submitJobs: (_, callback) => callback(refusal(status.PERMISSION_DENIED, 'not yours')) },
  });
  using connection = connect({ address: server.address });
  const submitting = submitJobs(connection, { ...place, items: items(1) }, { refused: 'report' });
  await assert.rejects(collect(submitting), { code: 'PERMISSION_DENIED' });
});

test('submitJobs() ends its requests when the loop is left or the signal aborts', async () => {
  let cancelled = 0;
  await using server = await startFakeServer({
    submit: {
      submitJobs: (call, callback) => {
        if (call.request.jobRequestItems[0]?.priority === 0) return acceptAll([])(call, callback);
        call.on('cancelled', () => (cancelled += 1));
      },
    },
  });
  using connection = connect({ address: server.address });
  const options = { maxBatchItems: 1, maxInFlight: 2 };
  for await (const job of submitJobs(connection, { ...place, items: items(3) }, options)) {
    assert.equal(job.index, 0);
    await sleep(20);
    break;
  }
  const abort = new AbortController();
  const submitting = submitJobs(
    connection,
    { ...place, items: items(3) },
    { ...options, signal: abort.signal },
  );
  await submitting.next();
  setTimeout(() => abort.abort(), 20);
  await assert.rejects(submitting.next(), { code: 'CANCELLED' });
  for (let tries = 0; cancelled < 3 && tries < 100; tries += 1) await sleep(10);
  assert.ok(cancelled >= 3, `${cancelled} requests were cancelled`);
});
