import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cause } from '@armada-ts/api/api/job';
import { connect, type Connection } from './connect.ts';
import { jobHandle } from './job.ts';
import { createView } from './job-set-view.ts';
import { failed, preempted, queued, running, startJobSet, succeeded } from './testing/fake-job-set.ts';

const handleOf = (connection: Connection, jobId: string) =>
  jobHandle(connection, { queue: 'demo', jobSetId: 'set', jobId });

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries += 1) {
    assert.ok(tries < 200, 'waited too long');
    await sleep(10);
  }
}

test('handles of one job set share one watch, which ends with the last of them', async () => {
  await using jobSet = await startJobSet();
  using connection = connect({ address: jobSet.server.address });
  const ids = Array.from({ length: 50 }, (_, index) => `job-${index}`);
  jobSet.happens(...ids.map(queued));
  const results = ids.map((id) => handleOf(connection, id).result());
  const kinds: string[] = [];
  const events = (async () => {
    for await (const { body } of handleOf(connection, 'late').events()) kinds.push(body.$case);
  })();
  await until(() => jobSet.open.size === 1);
  jobSet.happens(...ids.map(running), ...ids.map(succeeded), queued('late'), succeeded('late'));
  for (const [index, result] of (await Promise.all(results)).entries()) {
    assert.deepEqual([result.jobId, result.state, result.run?.node], [`job-${index}`, 'succeeded', 'n1']);
  }
  await events;
  assert.deepEqual(kinds, ['queued', 'succeeded']);
  assert.equal(jobSet.requests.length, 1);
  await until(() => jobSet.open.size === 0);
});

test('a view goes on where it stopped, and begins anew when that is gone', async () => {
  await using jobSet = await startJobSet();
  using connection = connect({ address: jobSet.server.address });
  jobSet.happens(succeeded('a'));
  await handleOf(connection, 'a').result();
  jobSet.happens(succeeded('b'));
  assert.equal((await handleOf(connection, 'b').result()).state, 'succeeded');
  assert.equal((await handleOf(connection, 'a').result()).state, 'succeeded');
  jobSet.refuse('2');
  jobSet.happens(succeeded('c'));
  assert.equal((await handleOf(connection, 'c').result()).state, 'succeeded');
  assert.deepEqual(
    jobSet.requests.map(({ fromMessageId }) => fromMessageId),
    ['', '1', '2', ''],
  );
});

test('everyone who waits hears of a watch that cannot go on', async () => {
  await using jobSet = await startJobSet();
  using connection = connect({ address: jobSet.server.address });
  jobSet.happens(queued('a'));
  const waiting = ['a', 'b'].map((id) => handleOf(connection, id).result());
  await until(() => jobSet.open.size === 1);
  await sleep(20);
  jobSet.refuse('1');
  jobSet.breakStreams();
  for (const each of waiting) {
    await assert.rejects(each, { code: 'OUT_OF_RANGE', reason: 'EVENTS_GONE', lastMessageId: '1' });
  }
});

test('closing the connection ends what waits on it', async () => {
  await using jobSet = await startJobSet();
  const connection = connect({ address: jobSet.server.address });
  const waiting = handleOf(connection, 'a').result();
  await until(() => jobSet.open.size === 1);
  connection.close();
  await assert.rejects(waiting, { code: 'CANCELLED' });
  await until(() => jobSet.open.size === 0);
});

test('a job ends by its first last event: retries go on, a preemption stays one', async () => {
  await using jobSet = await startJobSet();
  using connection = connect({ address: jobSet.server.address });
  const container = { name: 'main', exitCode: 7, message: '', reason: 'Error', cause: Cause.Error };
  jobSet.happens(
    failed('a', { retryable: true, reason: 'first try' }),
    failed('a', { reason: 'second try', containerStatuses: [{ ...container, exitCode: 0 }, container] }),
    preempted('b'),
    failed('b', { cause: Cause.Error, reason: 'preempted' }),
    failed('c', { cause: Cause.Rejected, reason: 'too large' }),
  );
  const results = await Promise.all(['a', 'b', 'c'].map((id) => handleOf(connection, id).result()));
  assert.deepEqual(
    results.map(({ state, exitCode, reason }) => [state, exitCode, reason]),
    [
      ['failed', 7, 'second try'],
      ['preempted', undefined, 'made room'],
      ['rejected', undefined, 'too large'],
    ],
  );
});

test('createView() forgets ended jobs beyond its bound, and says so', async () => {
  await using jobSet = await startJobSet();
  using connection = connect({ address: jobSet.server.address });
  jobSet.happens(succeeded('a'), queued('b'), succeeded('c'), succeeded('d'));
  const view = createView(connection, { queue: 'demo', jobSetId: 'set' }, 2);
  const last = Promise.withResolvers<void>();
  const leave = view.listen('d', { happened: () => last.resolve(), failed: last.reject });
  await last.promise;
  await sleep(10);
  leave();
  assert.deepEqual(
    ['a', 'b', 'c', 'd'].map((id) => view.progressOf(id) !== undefined),
    [false, true, false, true],
  );
  assert.equal(view.hasForgotten(), true);
});
