// What operators ask of the server that follows is what the one that leads knows,
// and what they change there holds for both: two whole servers on one Redis.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  LogLevelServiceService,
  type SetLogLevelResponse,
} from '@armada-ts/api/armada/operator/v1/log_level';
import { SubmitService } from '@armada-ts/api/api/submit';
import { createQueue } from '@armada-ts/client';
import { createDirectory, startRedis } from '../store/redis.servers.ts';
import { type AnyMethod, call } from './calls.ts';
import { eventually, openFleet } from './fleet-calls.ts';
import { startLocalServer, startPretending } from './in-process.ts';
import { jobItem } from './items.ts';
import { openOperatorClient, presenting } from './operator-calls.ts';
import { temporaryDirectory } from './programs.ts';
import { eventsUntil, have } from './watching.ts';

const SET = { queue: 'q', jobSetId: 'set' };

test('the fleet and log levels by the server that follows', { timeout: 60_000 }, async (t) => {
  const directory = await temporaryDirectory(t);
  const redis = await startRedis(await createDirectory(), ['--save', '', '--appendonly', 'no']);
  t.after(() => redis.kill());
  const store = { url: `redis://127.0.0.1:${redis.port}`, acknowledgement: 'local' as const };
  await using leader = await startLocalServer(join(directory, 'a'), { store, name: 'a' });
  using ahead = openFleet(leader.access);
  assert.equal(await ahead.executor('east'), undefined, 'it leads, or this would wait');
  await using follower = await startLocalServer(join(directory, 'b'), { store, name: 'b' });
  using fleet = openFleet(follower.access);
  for (const [executorId, runMs] of [
    ['east', 3_600_000],
    ['west', 20],
  ] as const) {
    const { grpcAddress } = leader.app;
    const executor = await startPretending(directory, grpcAddress, { executorId, runMs, nodes: { cpu: 8 } });
    t.after(() => executor.close({ endRuns: true }));
    if (executorId === 'west') break;
    await createQueue(leader.connection, { name: SET.queue });
    const request = { ...SET, jobRequestItems: [jobItem({}), jobItem({})] };
    await leader.connection.call(SubmitService.submitJobs, request);
    await eventsUntil(leader.connection, SET, have('running', 2));
  }
  assert.partialDeepStrictEqual(await fleet.executor('east'), { runs: 2, alive: true });
  const place = { executor: 'east', name: 'simulated-0' };
  const drain = { ...place, reason: 'dust', letRunningFinish: false };
  assert.partialDeepStrictEqual(await fleet.ask('drainNode', drain), { runs: 2 });
  await eventsUntil(follower.connection, SET, have('succeeded', 2));
  for (const one of [ahead, fleet]) {
    const [node] = await eventually(
      () => one.nodes('east'),
      ([found]) => found?.stoppingRuns === 0,
    );
    assert.deepEqual([node?.runs, node?.cordon?.reason, node?.cordon?.draining], [0, 'dust', true]);
  }

  const client = openOperatorClient(follower.access);
  t.after(() => client.close());
  const setLevel = LogLevelServiceService.setLogLevel as unknown as AnyMethod;
  const request = { component: 'scheduler', level: 'debug' };
  const { answer } = await call(client, setLevel, request, presenting(follower.access));
  const { levels, unreached } = answer as SetLogLevelResponse;
  assert.deepEqual(
    [levels.map(({ server, component, level }) => `${server} ${component} ${level}`), unreached],
    [['b scheduler debug', 'a scheduler debug'], []],
  );
});
