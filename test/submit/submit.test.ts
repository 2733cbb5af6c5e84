import { JobState } from '@armada-ts/api/api/job';
import { submitJobs } from '@armada-ts/server/submit/submit';
import { createQueue, deleteQueue } from '@armada-ts/server/submit/queues';
import { Queue } from '@armada-ts/api/api/queue';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, ann, bob, interposed, jobs, openSubmit } from './setup.ts';

const idsOf = (response: { jobResponseItems: { jobId: string }[] }) =>
  response.jobResponseItems.map(({ jobId }) => jobId);
const clientIds = (...names: string[]) => ({ item: (i: number) => ({ clientId: names[i]! }) });

test('submitJobs() writes records, specs, classes and one sequence of events', async (context) => {
  const deps = await openSubmit(context);
  const ids = idsOf(
    await submitJobs(
      deps,
      ann,
      jobs(3, { item: (i) => ({ priority: i, annotations: new Map([['n', '{JobId}']]) }) }),
    ),
  );
  assert.equal(new Set(ids).size, 3);
  assert.deepEqual(ids, ids.toSorted());

  const stored = await deps.store.read.jobs(ids);
  assert.deepEqual(
    stored.map(({ record }) => [
      record?.jobId,
      record?.state,
      record?.owner,
      record?.namespace,
      record?.priority,
    ]),
    [
      [ids[0], JobState.QUEUED, 'ann', 'default', 0],
      [ids[1], JobState.QUEUED, 'ann', 'default', 1],
      [ids[2], JobState.QUEUED, 'ann', 'default', 2],
    ],
  );
  const specs = await deps.store.read.specs(ids);
  assert.equal(specs.get(ids[1]!)?.objectMeta?.annotations.get('n'), ids[1]);
  const { classes } = await deps.store.read.active('');
  assert.deepEqual(
    classes.map((one) => one.id),
    [stored[0]!.record!.schedulingClass],
  );
  assert.equal(classes[0]!.requests.get('cpu'), 1000);

  const [sequence, ...others] = await deps.store.read.stream('a', 's', 0, 1e6);
  assert.equal(others.length, 0);
  assert.equal(sequence!.events!.userId, 'ann');
  assert.deepEqual(sequence!.events!.groups, ['team']);
  assert.deepEqual(
    sequence!.events!.events.map(({ event }) => event?.$case === 'submitJob' && event.value.jobId),
    ids,
  );
});

test('submitJobs() refuses before anything is written', async (context) => {
  const deps = await openSubmit(context);
  await assert.rejects(submitJobs(deps, ann, jobs(1, { queue: 'nowhere' })), { code: 'QUEUE_NOT_FOUND' });
  await assert.rejects(submitJobs(deps, ann, jobs(1, { queue: '' })), { code: 'INVALID_REQUEST' });
  await assert.rejects(submitJobs(deps, bob, jobs(1)), {
    code: 'PERMISSION_DENIED',
    message: /"bob" may not submit on queue "a"/,
  });
  const wrong = jobs(3, { item: (i) => ({ namespace: i === 1 ? 'A' : 'a' }) });
  await assert.rejects(submitJobs(deps, ann, wrong), {
    code: 'INVALID_REQUEST',
    message: /^job_request_items\[1\]\.namespace must be/,
  });
  assert.deepEqual(await submitJobs(deps, ann, jobs(0)), { jobResponseItems: [] });
  assert.equal(await deps.store.read.jobSet('a', 's'), undefined);
  assert.equal((await submitJobs(deps, admin, jobs(1))).jobResponseItems.length, 1);
});

test('submitJobs() answers a repeated client id with the earlier job', async (context) => {
  const deps = await openSubmit(context);
  const first = idsOf(await submitJobs(deps, ann, jobs(2, clientIds('x', 'y'))));
  assert.deepEqual(idsOf(await submitJobs(deps, ann, jobs(2, clientIds('x', 'y')))), first);
  const mixed = idsOf(await submitJobs(deps, ann, jobs(4, clientIds('y', 'z', 'x', 'z'))));
  assert.equal(mixed[0], first[1]);
  assert.equal(mixed[2], first[0]);
  assert.equal(mixed[1], mixed[3]);
  assert.equal((await deps.store.read.jobSet('a', 's'))?.queued, 3);
  // Another queue's client ids are its own.
  const elsewhere = idsOf(await submitJobs(deps, bob, jobs(1, { queue: 'b', ...clientIds('x') })));
  assert.notEqual(elsewhere[0], first[0]);
});

test('submitJobs() refuses the whole request when client ids stand for something else, naming them', async (context) => {
  const deps = await openSubmit(context);
  await submitJobs(deps, ann, jobs(2, clientIds('x', 'y')));
  const changed = jobs(3, { item: (i) => ({ clientId: ['new', 'x', 'y'][i]!, priority: 7 }) });
  await assert.rejects(
    submitJobs(deps, ann, changed),
    (error: { code: string; faults: { field: string }[] }) => {
      assert.equal(error.code, 'CLIENT_ID_CONFLICT');
      assert.deepEqual(
        error.faults.map(({ field }) => field),
        ['job_request_items[1].client_id', 'job_request_items[2].client_id'],
      );
      return true;
    },
  );
  await assert.rejects(submitJobs(deps, ann, jobs(1, { jobSetId: 'other', ...clientIds('x') })), {
    code: 'CLIENT_ID_CONFLICT',
  });
  assert.equal((await deps.store.read.claims('a', ['new'])).length, 0);
});

test('submitJobs() gives concurrent submits of one client id one job', async (context) => {
  const deps = await openSubmit(context);
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) => submitJobs(deps, ann, jobs(2, clientIds('same', `own-${i}`)))),
  );
  assert.equal(new Set(answers.map((answer) => idsOf(answer)[0])).size, 1);
  assert.equal(new Set(answers.map((answer) => idsOf(answer)[1])).size, 50);
  assert.equal((await deps.store.read.jobSet('a', 's'))?.queued, 51);
});

test('submitJobs() derives again when a client id is claimed meanwhile, and gives up in the end', async (context) => {
  const deps = await openSubmit(context);
  let rival: string[] = [];
  let appends = 0;
  const store = interposed(deps.store, async () => {
    if (appends++ === 0) rival = idsOf(await submitJobs(deps, ann, jobs(1, clientIds('x'))));
  });
  const ids = idsOf(await submitJobs({ ...deps, store }, ann, jobs(2, clientIds('x', 'y'))));
  assert.equal(ids[0], rival[0]);
  assert.equal(appends, 2);

  const endless = interposed(deps.store, async () => ({ outcome: 'claimed', claims: [] }));
  await assert.rejects(submitJobs({ ...deps, store: endless }, ann, jobs(1, clientIds('q'))), {
    code: 'CONFLICT',
  });
});

test('submitJobs() answers the same ids when its batch turns out to be in already', async (context) => {
  const deps = await openSubmit(context);
  const store = interposed(deps.store, async (batch) =>
    deps.store.append(batch).then(() => ({ outcome: 'repeated' as const })),
  );
  const ids = idsOf(await submitJobs({ ...deps, store }, ann, jobs(2)));
  assert.equal((await deps.store.read.jobs(ids)).length, 2);
});

test('submitJobs() finds out when the queue is deleted at that moment', async (context) => {
  const deps = await openSubmit(context);
  const store = interposed(deps.store, () => deleteQueue(deps, admin, 'a'));
  await assert.rejects(submitJobs({ ...deps, store }, ann, jobs(1)), { code: 'QUEUE_NOT_FOUND' });
});

test('submitJobs() creates unknown queues only where configured and for those who may submit anywhere', async (context) => {
  const deps = await openSubmit(context, { autoCreateQueues: true });
  await assert.rejects(submitJobs(deps, ann, jobs(1, { queue: 'new' })), { code: 'QUEUE_NOT_FOUND' });
  await submitJobs(deps, admin, jobs(1, { queue: 'new' }));
  assert.equal((await deps.store.read.queue('new'))?.queue.priorityFactor, 1000);
  await assert.rejects(createQueue(deps, admin, Queue.create({ name: 'new', priorityFactor: 1 })), {
    code: 'QUEUE_EXISTS',
  });
});
