// Another server takes over when the leader is killed, stopped or stands still:
// real processes, a real Redis, and jobs that are submitted all the time.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import type { JobSetEvent } from '@armada-ts/client';
import { instantOf } from '@armada-ts/server/model/instant';
import { redisCli } from '../store/redis.servers.ts';
import {
  type GroupServer,
  keepSubmitting,
  leasesIn,
  ready,
  type ServerGroup,
  SET,
  startGroup,
  submitJob,
} from './server-group.ts';
import { queueOf } from './users.ts';
import { eventsUntil, have } from './watching.ts';

/** What is promised after a death and after a clean stop, and some seconds for a machine that does a lot besides. */
const AFTER_DEATH_MS = 5_000;
const AFTER_STOP_MS = 1_000;
const PATIENCE_MS = 3_000;

/** Milliseconds until a job that is submitted to a server from now on is leased. */
async function msUntilLeased(server: GroupServer, clientId: string): Promise<number> {
  const sinceMs = performance.now();
  const id = await submitJob(server, clientId);
  await eventsUntil(server.connection, SET, have('leased', [id]), 30_000);
  return performance.now() - sinceMs;
}

/** All events, once these jobs have succeeded; each must have been leased once. */
async function allRunOnce(server: GroupServer, ids: readonly string[]): Promise<JobSetEvent[]> {
  const events = await eventsUntil(server.connection, SET, have('succeeded', ids), 60_000);
  const leases = leasesIn(events);
  const others = ids.filter((id) => leases.get(id) !== 1);
  assert.deepEqual(others, [], 'jobs that were not leased just once');
  return events;
}

function leaders(group: ServerGroup): string[] {
  return group.servers.flatMap(({ name, terms }) => terms().map((term) => `${name} in term ${term}`));
}

describe('takeover', () => {
  test('of a leader that is killed, one after the other', { timeout: 120_000 }, async (t) => {
    const group = await startGroup(t, 2);
    const [first, second] = group.servers as [GroupServer, GroupServer];
    const submits = keepSubmitting([first, second], 50);
    await sleep(1_000);
    await first.kill('SIGKILL');
    const tookMs = await msUntilLeased(second, 'after-first');
    t.diagnostic(`${Math.round(tookMs)} ms from the death of the first leader to a lease`);

    // It comes back where the executor looks for it.
    const third = await group.start('s3', Number(first.address.split(':').pop()));
    await ready(third);
    await second.kill('SIGKILL');
    const tookAgainMs = await msUntilLeased(third, 'after-second');
    t.diagnostic(`${Math.round(tookAgainMs)} ms from the death of the second leader to a lease`);
    await allRunOnce(third, await submits.stop());
    assert.deepEqual(leaders(group), ['s1 in term 1', 's2 in term 2', 's3 in term 3']);
    for (const ms of [tookMs, tookAgainMs]) assert(ms < AFTER_DEATH_MS + PATIENCE_MS, `${ms} ms`);
  });

  test('of a leader that is stopped', { timeout: 120_000 }, async (t) => {
    const group = await startGroup(t, 2);
    const [first, second] = group.servers as [GroupServer, GroupServer];
    const submits = keepSubmitting([second], 20);
    await sleep(1_000);
    const stopping = first.kill('SIGTERM');
    await second.line(/this server leads/);
    const tookMs = await msUntilLeased(second, 'after-stop');
    t.diagnostic(`${Math.round(tookMs)} ms to a lease after the next leader of one that stopped leads`);
    assert.equal(await stopping, 0);
    const events = await allRunOnce(second, await submits.stop());
    const pauseMs = longestPause(events);
    t.diagnostic(`${pauseMs} ms without a lease`);
    assert(pauseMs < AFTER_STOP_MS + PATIENCE_MS, `${pauseMs} ms`);
    assert.deepEqual(leaders(group), ['s1 in term 1', 's2 in term 2']);
  });

  test('of a leader that stands still, which follows when it goes on', { timeout: 120_000 }, async (t) => {
    const group = await startGroup(t, 2);
    const [first, second] = group.servers as [GroupServer, GroupServer];
    const submits = keepSubmitting([second], 20);
    await sleep(1_000);
    first.process.kill('SIGSTOP');
    await second.line(/this server leads/);
    await msUntilLeased(second, 'after-standstill');
    await sleep(3_000);
    first.process.kill('SIGCONT');
    await first.line(/the scheduler loads everything anew/);
    await ready(first);
    // It serves what it is asked, and decides nothing.
    const late = await submitJob(first, 'late');
    await allRunOnce(second, [...(await submits.stop()), late]);
    assert.deepEqual(leaders(group), ['s1 in term 1', 's2 in term 2']);
  });

  test('of three servers exactly one leads after the leader', { timeout: 120_000 }, async (t) => {
    const group = await startGroup(t, 3);
    const [first, second, third] = group.servers as [GroupServer, GroupServer, GroupServer];
    await first.kill('SIGKILL');
    await Promise.race([second, third].map((server) => server.line(/this server leads/)));
    await allRunOnce(third, [await submitJob(second, 'a'), await submitJob(third, 'b')]);
    assert.equal(leaders(group).length, 2, leaders(group).join());
  });

  test('data that is lost is loaded anew under a new term', { timeout: 120_000 }, async (t) => {
    const group = await startGroup(t, 2);
    const [first, second] = group.servers as [GroupServer, GroupServer];
    await allRunOnce(second, [await submitJob(second, 'before')]);
    await redisCli(group.redis.port, 'flushall');
    await Promise.all(group.servers.map((server) => server.line(/the scheduler loads everything anew/)));
    while (leaders(group).length === 1) await sleep(20);
    await Promise.all([ready(first), ready(second)]);
    await second.connection.call(QueueServiceService.createQueue, queueOf(SET.queue));
    await allRunOnce(second, [await submitJob(first, 'after')]);
    const terms = leaders(group);
    // Where both notice in the same moment, the one whose word came later is noticed once more.
    assert(terms.length <= 3, terms.join());
  });
});

/** Milliseconds, by the events' own times. */
function longestPause(events: readonly JobSetEvent[]): number {
  let beforeMs: number | undefined;
  let longestMs = 0;
  for (const { body } of events) {
    if (body.$case !== 'leased') continue;
    const atMs = instantOf(body.value.created);
    if (beforeMs !== undefined) longestMs = Math.max(longestMs, atMs - beforeMs);
    beforeMs = atMs;
  }
  return longestMs;
}
