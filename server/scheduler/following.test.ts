/** A scheduler that follows: it knows what the leader does, decides nothing, and leads at once when it is told to. */
import { JobRunState, JobState } from '@armada-ts/api/api/job';
import { Control_Kind, ExecutorRecord, LogEntry } from '@armada-ts/api/armada/store/v1/store';
import { JobRunSucceeded } from '@armada-ts/api/armadaevents/armadaevents';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Scheduler } from './cycle.ts';
import {
  createFollower,
  createWorld,
  decidedFor,
  node,
  queue,
  runOf,
  settle,
  show,
  stateOf,
  submit,
  submitMany,
  type World,
  write,
} from './testing/world.ts';

/** The other scheduler takes the lead. */
function leadWith(world: World, scheduler: Scheduler): void {
  world.term++;
  scheduler.lead(world.term);
  world.scheduler = scheduler;
}

test('a follower leads on from the log alone', async () => {
  const world = createWorld();
  const follower = createFollower(world);
  queue(world, 'q');
  show(world);
  const [running, queued] = [submit(world, { cpu: 5 }), submit(world, { cpu: 6 })];
  await settle(world);
  follower.apply(world.log);
  assert.equal(follower.tick(), Number.POSITIVE_INFINITY);
  assert.deepEqual(decidedFor(world, queued), []);
  leadWith(world, follower);
  show(world, { runs: [runOf(world, running)!.runId] });
  await settle(world);
  assert.equal(stateOf(world, queued), JobState.QUEUED, 'the running job is charged');
  show(world, { runs: [runOf(world, running)!.runId], nodes: [node('n1'), node('n2')] });
  await settle(world);
  assert.equal(runOf(world, queued)?.node, 'n2');
});

test('a follower keeps nothing of runs that have ended', async () => {
  const world = createWorld();
  const follower = createFollower(world);
  queue(world, 'q');
  show(world);
  const ids = submitMany(world, 4);
  await settle(world);
  for (const jobId of ids.slice(1)) {
    const { runId } = runOf(world, jobId)!;
    write(world, jobId, { $case: 'jobRunSucceeded', value: JobRunSucceeded.create({ jobId, runId }) });
  }
  await settle(world);
  assert.equal(runOf(world, ids[1]!)?.state, JobRunState.RUN_STATE_SUCCEEDED);
  follower.apply(world.log);
  const { charges, jobs } = follower.state;
  assert.deepEqual([...charges.byRun.keys()], [runOf(world, ids[0]!)?.runId]);
  assert.equal(charges.leaving.size, 0);
  assert.equal(jobs.length, world.scheduler.state.jobs.length);
});

test('a follower knows executors by the records that the leader keeps', () => {
  const world = createWorld();
  const follower = createFollower(world);
  const keep = (names: string[]): void => {
    const nodes = names.map((name) => node(name));
    const record = ExecutorRecord.create({ id: 'east', pool: 'default', nodes, seenAtMs: 1_800_000_000_000 });
    const bytes = Buffer.from(ExecutorRecord.encode(record).finish());
    const control = { kind: Control_Kind.KIND_EXECUTOR, name: 'east', record: bytes };
    follower.apply([LogEntry.create({ number: 1, control })]);
  };
  keep(['n1', 'n2']);
  assert.equal(follower.state.nodes.byKey.size, 2);
  keep(['n2']);
  assert.equal(follower.state.nodes.byKey.size, 1);
});

test('the patience with what may never run begins anew with each leader', async () => {
  const world = createWorld({ rejectAfterMs: 10_000 });
  const follower = createFollower(world, { rejectAfterMs: 10_000 });
  queue(world, 'q');
  world.nowMs = 60_000;
  follower.apply(world.log);
  leadWith(world, follower);
  const seen = world.log.length;
  const hopeless = submit(world, { cpu: 64 });
  follower.apply(world.log.slice(seen));
  show(world);
  await settle(world);
  assert.equal(stateOf(world, hopeless), JobState.QUEUED);
  world.nowMs += 10_000;
  show(world);
  await settle(world);
  assert.equal(stateOf(world, hopeless), JobState.REJECTED);
});
