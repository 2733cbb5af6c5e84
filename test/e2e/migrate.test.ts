// Moving house: a deployment is stopped, copied to another store and started
// there, and whoever has to do with it finds it as it was.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { getQueue, type JobSetEvent, watchJobSet, type Connection } from '@armada-ts/client';
import {
  createDeployment,
  type Deployment,
  DOOMED,
  DOOMED_JOBS,
  finish,
  OLD,
  QUEUE,
  SET,
  submitJob,
  WAITING,
} from './deployment.ts';
import { engine as clusterEngine } from '../store/redis-cluster.engine.ts';
import { engine as redisEngine } from '../store/redis.engine.ts';
import { checkStore, migrate } from './migrating.ts';
import type { Cluster } from './polling-cluster.ts';
import { eventsSoFar, eventsUntil, have } from './watching.ts';

/** What a watcher has of each job set. */
type Seen = Map<string, JobSetEvent[]>;

const LATER = { queue: QUEUE, jobSetId: 'later' };
const SETS = [SET, OLD, WAITING, DOOMED, LATER];

async function readAll(connection: Connection): Promise<Seen> {
  const seen: Seen = new Map();
  for (const set of SETS) seen.set(`${set.queue}/${set.jobSetId}`, await eventsSoFar(connection, set));
  return seen;
}

/** Everything that was seen before is there now, under the same ids; more may have come. */
function assertKept(before: Seen, now: Seen): void {
  for (const [set, events] of before) {
    const kept = now.get(set)?.slice(0, events.length);
    assert.deepEqual(kept?.map(shown), events.map(shown), set);
  }
}

function shown({ messageId, body }: JobSetEvent): unknown {
  return [messageId, body];
}

/** What is asked of a deployment that has moved with all that it had. */
async function assertSame(deployment: Deployment, before: Seen): Promise<void> {
  const { connection, cluster, jobs } = deployment;
  const now = await readAll(connection);
  assertKept(before, now);

  const whole = now.get(`${SET.queue}/${SET.jobSetId}`) ?? [];
  const place = Math.floor(whole.length / 2);
  const rest: JobSetEvent[] = [];
  const from = { ...SET, fromMessageId: whole[place]?.messageId ?? '', follow: false };
  for await (const event of watchJobSet(connection, from)) rest.push(event);
  assert.deepEqual(rest.slice(0, whole.length - place - 1).map(shown), whole.slice(place + 1).map(shown));

  const queue = await getQueue(connection, QUEUE);
  assert.deepEqual(queue.labels, new Map([['team', 'red']]));
  assert.deepEqual(queue.permissions[0]?.verbs, ['submit', 'watch']);
  assert.equal(await submitJob(connection, SET, { clientId: 'succeeded' }), jobs.succeeded);
  assert.equal(await submitJob(connection, OLD, { clientId: 'old' }), jobs.old);

  await eventsUntil(connection, DOOMED, have('cancelled', DOOMED_JOBS));
  await heard(cluster);
  assert.deepEqual(cluster.exchanges.at(-1)?.cancelled, [], 'no run is to be stopped');
}

/** Waits until the server has answered twice what runs there are. */
async function heard(cluster: Cluster): Promise<void> {
  for (let answered = 0; answered < 2; ) {
    const [exchange] = await cluster.nextExchanges(1);
    if (exchange?.code === status.OK) answered++;
  }
}

/** Runs under way go on to their end, and new jobs run. */
async function assertGoesOn({ connection, cluster, jobs }: Deployment): Promise<void> {
  const { jobRunId } = await cluster.leaseOf(jobs.running);
  await finish(connection, cluster, SET, jobs.running, true);
  await finish(connection, cluster, SET, jobs.leased);
  assert.equal((await cluster.leaseOf(jobs.running)).jobRunId, jobRunId, 'it was not started again');
  const later = await submitJob(connection, LATER, { clientId: 'later' });
  await finish(connection, cluster, LATER, later);
}

test('a deployment goes on in Redis, in a Cluster, and on SQLite again', async (t) => {
  const deployment = await createDeployment(t);
  const { connection, data } = deployment;
  let server = await deployment.start(`sqlite:${data}`);
  const atHome = await readAll(connection);
  assert.equal(await server.kill('SIGTERM'), 0);

  const places = [
    `sqlite:${data}`,
    await redisEngine.createPlace(),
    await clusterEngine.createPlace(),
    `sqlite:${join(data, '..', 'new', 'home')}`,
  ];
  let before = atHome;
  for (const [i, place] of places.slice(1).entries()) {
    const { code, text } = await migrate(places[i] ?? '', place);
    assert.equal(code, 0, text);
    assert.match(text, /checked: \d+ jobs, 0 differ/);
    server = await deployment.start(place);
    await assertSame(deployment, before);
    if (i === 0) await assertGoesOn(deployment);
    before = await readAll(connection);
    assert.equal(await server.kill('SIGTERM'), 0, server.lines.join('\n'));
    const check = await checkStore(place);
    assert.equal(check.code, 0, check.text);
    assert.match(check.text, /^checked .*: \d+ jobs, \d job sets, \d+ events, 0 faults$/m);
  }
  assertKept(atHome, before);
});
