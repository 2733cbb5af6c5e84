// Submitting and what may be done with jobs afterwards, over the wire: what is
// refused and how, what is repeatable, and that the order of priorities holds.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { Cause, JobState } from '@armada-ts/api/api/job';
import { type JobSubmitRequest, type JobSubmitRequestItem, SubmitService } from '@armada-ts/api/api/submit';
import {
  ArmadaClientError,
  cancelJobs,
  cancelJobSet,
  connect,
  type Connection,
  cordonQueue,
  createQueue,
  deleteQueue,
  getQueue,
  reprioritizeJobs,
  reprioritizeJobSet,
  uncordonQueue,
} from '@armada-ts/client';
import { Client, compressionAlgorithms, credentials } from '@grpc/grpc-js';
import { type AnyMethod, call } from './calls.ts';
import { jobItem } from './items.ts';
import { type Standalone, startProgram, startStandalone, temporaryDirectory } from './programs.ts';
import { startServer, writeSettings } from './server.ts';
import { eventsSoFar, eventsUntil, have, idsWith } from './watching.ts';

let server: Standalone;
let connection: Connection;
const directory = await temporaryDirectory({ after });

before(async () => {
  const settings = await writeSettings(directory, { scheduling: { rejectAfterMs: 0 } });
  // One node that fits one job at a time.
  const node = ['--nodes', '1', '--cpu', '1', '--memory', '1Gi'];
  server = await startStandalone(`${directory}/data`, [...node, '--config', settings]);
  connection = connect({ address: server.address });
  await createQueue(connection, { name: 'demo' });
});

after(async () => {
  connection.close();
  await server.kill('SIGKILL');
});

/** One request, as it is: no client ids are added, nothing is sent twice. */
async function submit(jobSetId: string, items: JobSubmitRequestItem[], queue = 'demo'): Promise<string[]> {
  const request = { queue, jobSetId, jobRequestItems: items };
  const answer = await connection.call(SubmitService.submitJobs, request);
  assert.ok(answer.jobResponseItems.every(({ error }) => error === ''));
  return answer.jobResponseItems.map(({ jobId }) => jobId);
}

async function refusalOf(work: Promise<unknown>): Promise<ArmadaClientError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof ArmadaClientError, 'it was not refused');
  return error;
}

const isMissing = async (jobSetId: string): Promise<boolean> =>
  (await eventsSoFar(connection, { queue: 'demo', jobSetId })).length === 0;

/** Ends what a test has left running. */
async function clear(jobSetId: string): Promise<void> {
  await cancelJobSet(connection, { queue: 'demo', jobSetId });
  await eventsUntil(connection, { queue: 'demo', jobSetId }, (events) => {
    const ended = ['cancelled', 'succeeded', 'failed'] as const;
    return ended.flatMap((kind) => idsWith(kind, events)).length >= idsWith('submitted', events).length;
  });
}

test('the faults of a request are told by item and field, and nothing is submitted', async () => {
  const items = Array.from({ length: 60 }, (_, i) => {
    if (i % 2 === 0) return jobItem({});
    return {
      ...jobItem({}),
      namespace: i % 4 === 1 ? 'Not a name' : '',
      podSpecs: i % 4 === 1 ? jobItem({}).podSpecs : [],
    };
  });
  const request = { queue: 'demo', jobSetId: 'faults', jobRequestItems: items };
  const client = new Client(server.address, credentials.createInsecure());
  const { code, error, trailer } = await call(client, SubmitService.submitJobs as AnyMethod, request);
  client.close();
  assert.equal(code, 'INVALID_ARGUMENT');
  assert.equal(error?.reason, 'INVALID_REQUEST');

  const details = trailer.get('grpc-status-details-bin')[0];
  assert.ok(details instanceof Buffer && details.length <= 4096, 'details of at most 4 KiB');
  const faults = error.faults;
  assert.ok(faults.length >= 10 && faults.length <= 20, `${faults.length} faults`);
  for (const [place, { field, message }] of faults.entries()) {
    const index = 2 * place + 1;
    const expected = index % 4 === 1 ? 'namespace' : 'pod_spec';
    assert.equal(field, `job_request_items[${index}].${expected}`);
    assert.match(message, /must be/);
    assert.equal(error.jobErrors[place]?.index, index);
    assert.match(error.jobErrors[place]?.message ?? '', new RegExp(`^${expected} must be`));
  }
  const told = error.message.match(/job_request_items\[\d+\]/g)?.length ?? 0;
  const untold = Number(/and (\d+) more/.exec(error.message)?.[1]);
  assert.equal(told + untold, 30, error.message);
  assert.ok(await isMissing('faults'));
});

test('an unknown queue is said to be unknown, and is not made', async () => {
  const error = await refusalOf(submit('set', [jobItem({})], 'nowhere'));
  assert.equal(error.code, 'NOT_FOUND');
  assert.equal(error.reason, 'QUEUE_NOT_FOUND');
  assert.match(error.message, /"nowhere"/);
  assert.equal((await refusalOf(getQueue(connection, 'nowhere'))).code, 'NOT_FOUND');
});

test('the same items under the same client ids are the same jobs, also for twenty requests at once', async () => {
  const labels = (names: string[]) => new Map(names.map((name) => [name, name]));
  const itemsWith = (names: string[]) =>
    ['a', 'b', 'c'].map((clientId) => ({ ...jobItem({ clientId }), labels: labels(names) }));
  const answers = await Promise.all(
    // Clients write maps in any order.
    Array.from({ length: 20 }, (_, i) => submit('claims', itemsWith(i % 2 ? ['x', 'y'] : ['y', 'x']))),
  );
  const [first] = answers;
  for (const answer of answers) assert.deepEqual(answer, first);
  assert.equal(new Set(first).size, 3);
  const again = await submit('claims', [...itemsWith(['x', 'y']), ...itemsWith(['x', 'y'])]);
  assert.deepEqual(again, [...(first ?? []), ...(first ?? [])]);
  const events = await eventsSoFar(connection, { queue: 'demo', jobSetId: 'claims' });
  assert.deepEqual(idsWith('submitted', events), first);
  await clear('claims');
  assert.deepEqual(await submit('claims', itemsWith(['x', 'y'])), first, 'also after their end');
});

test('another item under a known client id refuses the whole request', async () => {
  const [known] = await submit('conflict', [jobItem({ clientId: 'known', priority: 5 })]);
  const before = await eventsSoFar(connection, { queue: 'demo', jobSetId: 'conflict' });
  const different = [
    { jobSetId: 'conflict', item: jobItem({ clientId: 'known', priority: 6 }) },
    { jobSetId: 'conflict-2', item: jobItem({ clientId: 'known', priority: 5 }) },
    { jobSetId: 'conflict', item: jobItem({ clientId: 'known', priority: 5, cpu: '0.5' }) },
  ];
  for (const { jobSetId, item } of different) {
    const error = await refusalOf(submit(jobSetId, [jobItem({ clientId: 'new' }), item]));
    assert.equal(error.code, 'ALREADY_EXISTS');
    assert.equal(error.reason, 'CLIENT_ID_CONFLICT');
    assert.deepEqual(
      error.faults.map(({ field }) => field),
      ['job_request_items[1].client_id'],
    );
    assert.match(error.message, new RegExp(`"known" of job ${known}`));
  }
  const within = [jobItem({ clientId: 'twice' }), jobItem({ clientId: 'twice', priority: 1 })];
  assert.equal((await refusalOf(submit('conflict', within))).code, 'INVALID_ARGUMENT');
  const unchanged = await eventsSoFar(connection, { queue: 'demo', jobSetId: 'conflict' });
  assert.deepEqual(idsWith('submitted', unchanged), idsWith('submitted', before));
  assert.ok(await isMissing('conflict-2'));
  // The refused requests have not taken the new client id.
  const [fresh] = await submit('conflict', [jobItem({ clientId: 'new', priority: 2 })]);
  assert.notEqual(fresh, known);
  await clear('conflict');
});

test('of different items that race for a client id one wins, whole', async () => {
  const results = await Promise.allSettled(
    Array.from({ length: 20 }, (_, priority) =>
      submit('race', [jobItem({ priority }), jobItem({ clientId: 'race', priority })]),
    ),
  );
  const won = results.filter((result) => result.status === 'fulfilled');
  assert.equal(won.length, 1);
  for (const result of results) {
    if (result.status === 'rejected')
      assert.equal((result.reason as ArmadaClientError).code, 'ALREADY_EXISTS');
  }
  const events = await eventsSoFar(connection, { queue: 'demo', jobSetId: 'race' });
  assert.deepEqual(idsWith('submitted', events), won[0]?.value);
  await clear('race');
});

test('requests and pod specs have a largest size', async () => {
  const ofBytes = (bytes: number) => jobItem({ command: ['true', 'x'.repeat(bytes)] });
  const oversize = Array.from({ length: 70 }, () => ofBytes(60 * 1024));
  for (const name of ['identity', 'gzip'] as const) {
    const algorithm = compressionAlgorithms[name];
    const jobSetId = `size-${name}`;
    const client = new Client(server.address, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': algorithm,
    });
    const send = (jobRequestItems: JobSubmitRequestItem[]) => {
      const request: JobSubmitRequest = { queue: 'demo', jobSetId, jobRequestItems };
      return call(client, SubmitService.submitJobs as AnyMethod, request);
    };
    assert.equal((await send(oversize)).code, 'RESOURCE_EXHAUSTED', 'over 4 MiB');
    const large = await send([jobItem({}), ofBytes(70_000)]);
    assert.equal(large.code, 'INVALID_ARGUMENT');
    assert.match(
      large.error?.message ?? '',
      /job_request_items\[1\]\.pod_specs\[0\] must be at most 65535 bytes/,
    );
    assert.ok(await isMissing(jobSetId));
    assert.equal((await send(oversize.slice(0, 60))).code, 'OK', 'just under 4 MiB');
    await clear(jobSetId);
    client.close();
  }
});

test('a queue with live jobs is not deleted', async () => {
  await createQueue(connection, { name: 'kept' });
  const [jobId = ''] = await submit('set', [jobItem({})], 'kept');
  const error = await refusalOf(deleteQueue(connection, 'kept'));
  assert.equal(error.code, 'FAILED_PRECONDITION');
  assert.match(error.message, /has live jobs \(1\); cancel/);
  assert.equal((await getQueue(connection, 'kept')).name, 'kept');
  await cancelJobs(connection, { jobIds: [jobId] });
  await eventsUntil(connection, { queue: 'kept', jobSetId: 'set' }, have('cancelled', [jobId]));
  await deleteQueue(connection, 'kept');
  assert.equal((await refusalOf(getQueue(connection, 'kept'))).code, 'NOT_FOUND');
  assert.equal((await refusalOf(submit('set', [jobItem({})], 'kept'))).code, 'NOT_FOUND');
});

test('a job id alone is enough to cancel a job and to give it another priority', async () => {
  const jobIds = await submit('by-id', [jobItem({}), jobItem({}), jobItem({})]);
  const [first = '', second = ''] = jobIds;
  const set = { queue: 'demo', jobSetId: 'by-id' };
  assert.deepEqual(await reprioritizeJobs(connection, { jobIds: [second], priority: 3 }), new Map());
  // A job that is to be cancelled as well is given no other priority any more.
  await eventsUntil(connection, set, have('reprioritized', [second]));
  const unknown = '01f3j0g1md4qx7z5qb148qnh4d';
  assert.deepEqual(await cancelJobs(connection, { jobIds: [first, unknown, second], reason: 'no need' }), [
    first,
    second,
  ]);
  const events = await eventsUntil(connection, set, have('cancelled', [first, second]));
  const moved = events.find(({ body }) => body.$case === 'reprioritized')?.body;
  assert.ok(
    moved?.$case === 'reprioritized' && moved.value.jobId === second && moved.value.newPriority === 3,
  );
  const ended = events.findLast(({ body }) => body.$case === 'cancelled')?.body;
  assert.ok(ended?.$case === 'cancelled' && ended.value.reason === 'no need');
  const results = await reprioritizeJobs(connection, { jobIds: [first, unknown], priority: 4 });
  assert.match(results.get(first) ?? '', /has ended/);
  assert.match(results.get(unknown) ?? '', /does not exist/);
  await clear('by-id');
});

test('a job set is cancelled in the states that are asked for, and in no others', async () => {
  const set = { queue: 'demo', jobSetId: 'states' };
  const [running = ''] = await submit('states', [jobItem({})]);
  await eventsUntil(connection, set, have('running', [running]));
  const queued = await submit('states', [jobItem({}), jobItem({}), jobItem({})]);
  for (const states of [[JobState.PENDING], [JobState.SUCCEEDED], [JobState.QUEUED, JobState.RUNNING]]) {
    const error = await refusalOf(cancelJobSet(connection, { ...set, states }));
    assert.equal(error.code, 'INVALID_ARGUMENT');
    assert.match(error.faults[0]?.field ?? '', /^filter\.states/);
  }
  await cancelJobSet(connection, { ...set, states: [JobState.QUEUED], reason: 'the queued' });
  const events = await eventsUntil(connection, set, have('cancelled', queued));
  assert.deepEqual(new Set(idsWith('cancelled', events)), new Set(queued));
  // What is submitted later is not meant.
  const later = await submit('states', [jobItem({})]);
  await cancelJobSet(connection, { ...set, states: [JobState.PENDING, JobState.RUNNING] });
  const after = await eventsUntil(
    connection,
    set,
    (now) => have('cancelled', [running])(now) && have('running', later)(now),
  );
  assert.ok(!idsWith('cancelled', after).some((id) => later.includes(id)));
  await clear('states');
});

test('a cordoned queue takes jobs and starts none until it is uncordoned', async () => {
  const set = { queue: 'demo', jobSetId: 'cordoned' };
  await cordonQueue(connection, 'demo');
  const jobIds = await submit('cordoned', [jobItem({ command: ['true'] })]);
  await sleep(300);
  const waiting = (await eventsSoFar(connection, set)).map(({ body }) => body.$case);
  assert.deepEqual(waiting, ['submitted', 'queued']);
  await uncordonQueue(connection, 'demo');
  await eventsUntil(connection, set, have('succeeded', jobIds));
});

test('jobs of a queue start in the order of their priorities, and equal ones in that of their submission', async () => {
  const set = { queue: 'demo', jobSetId: 'order' };
  await cordonQueue(connection, 'demo');
  const priorities = [5, 3, 8, 3, 0, 9, 1, 5, 7, 2, 3, 6];
  const items = priorities.map((priority) => jobItem({ priority, command: ['true'] }));
  const jobIds = [...(await submit('order', items.slice(0, 6))), ...(await submit('order', items.slice(6)))];
  // The last shall be first, and the first last.
  await reprioritizeJobs(connection, { jobIds: [jobIds[5]!], priority: 0 });
  await reprioritizeJobs(connection, { jobIds: [jobIds[4]!], priority: 100 });
  priorities[5] = 0;
  priorities[4] = 100;
  await eventsUntil(connection, set, have('reprioritized', [jobIds[4]!, jobIds[5]!]));
  await uncordonQueue(connection, 'demo');
  const events = await eventsUntil(connection, set, have('succeeded', jobIds.length));
  const expected = jobIds
    .map((id, index) => ({ id, index, priority: priorities[index]! }))
    .sort((a, b) => a.priority - b.priority || a.index - b.index)
    .map(({ id }) => id);
  assert.deepEqual(idsWith('leased', events), expected);
  assert.deepEqual(idsWith('running', events), expected);
  const kinds = events.filter(({ body }) => body.$case === 'running' || body.$case === 'succeeded');
  const oneByOne = expected.flatMap((id) => [`${id} running`, `${id} succeeded`]);
  assert.deepEqual(
    kinds.map(({ body }) => `${body.value.jobId} ${body.$case}`),
    oneByOne,
    'two at once on a node that fits one',
  );
});

test('the place of a job that failed or was cancelled at once goes to the next one without delay', async () => {
  const set = { queue: 'demo', jobSetId: 'places' };
  const failing = Array.from({ length: 6 }, () => jobItem({ command: ['false'] }));
  const jobIds = await submit('places', failing);
  // Well under the 5 s between two heartbeats of an executor.
  await eventsUntil(connection, set, have('failed', jobIds), 4_000);
  const [first = '', second = ''] = await submit('places', [jobItem({}), jobItem({ command: ['true'] })]);
  await eventsUntil(connection, set, have('leased', [first]));
  await cancelJobs(connection, { jobIds: [first] });
  await eventsUntil(connection, set, have('succeeded', [second]), 4_000);
});

test('a whole job set gets another priority', async () => {
  await cordonQueue(connection, 'demo');
  const slow = await submit('slow', [jobItem({ command: ['true'] }), jobItem({ command: ['true'] })]);
  const fast = await submit('fast', [jobItem({ command: ['true'], priority: 10 })]);
  assert.deepEqual(
    await reprioritizeJobSet(connection, { queue: 'demo', jobSetId: 'slow', priority: 20 }),
    new Map(),
  );
  await eventsUntil(connection, { queue: 'demo', jobSetId: 'slow' }, have('reprioritized', slow));
  await uncordonQueue(connection, 'demo');
  await eventsUntil(connection, { queue: 'demo', jobSetId: 'slow' }, have('succeeded', slow));
  const first = (await eventsSoFar(connection, { queue: 'demo', jobSetId: 'fast' })).map(
    ({ body }) => body.$case,
  );
  assert.equal(first.at(-1), 'succeeded', `${fast.join()} was to go first`);
});

test('a job that can never fit is rejected, with the resource that there is too little of', async () => {
  const set = { queue: 'demo', jobSetId: 'never' };
  const cases = [
    { item: jobItem({ cpu: '64' }), says: /it needs 64 cpu, the largest of 1 node offers 1/ },
    { item: jobItem({ nodeSelector: { color: 'green' } }), says: /1 node without label color=green/ },
  ];
  const jobIds = await submit(
    'never',
    cases.map(({ item }) => item),
  );
  const events = await eventsUntil(connection, set, have('failed', jobIds));
  for (const [index, { says }] of cases.entries()) {
    const body = events.find(
      (event) => event.body.$case === 'failed' && event.body.value.jobId === jobIds[index],
    )?.body;
    assert.ok(body?.$case === 'failed');
    assert.equal(body.value.cause, Cause.Rejected);
    assert.match(body.value.reason, says);
  }
});

test('nobody is rejected before an executor is known', async (t) => {
  const apart = await startServer(`${directory}/apart`, {
    auth: {
      schemes: ['anonymous'],
      permissionGroupMapping: {
        create_queue: ['everyone'],
        submit_any_jobs: ['everyone'],
        watch_all_events: ['everyone'],
        execute_jobs: ['everyone'],
      },
    },
    scheduling: { rejectAfterMs: 0 },
  });
  t.after(() => apart.kill('SIGKILL'));
  using there = connect({ address: apart.address });
  await there.call(QueueServiceService.createQueue, { ...(await getQueue(connection, 'demo')) });
  const request = { queue: 'demo', jobSetId: 'set', jobRequestItems: [jobItem({ cpu: '64' })] };
  const { jobResponseItems } = await there.call(SubmitService.submitJobs, request);
  await sleep(300);
  const set = { queue: 'demo', jobSetId: 'set' };
  const waiting = (await eventsSoFar(there, set)).map(({ body }) => body.$case);
  assert.deepEqual(waiting, ['submitted', 'queued']);
  const args = ['--server', apart.address, '--executor-id', 'late', '--runtime', 'simulated', '--cpu', '8'];
  const executor = startProgram('executor/main.ts', args);
  t.after(() => executor.kill('SIGKILL'));
  await eventsUntil(there, set, have('failed', [jobResponseItems[0]?.jobId ?? '']));
});
