/** What operators ask of one server and several have to answer. */
import type { ReadFleetRequest, ReadFleetResponse } from '@armada-ts/api/armada/server/v1/peers';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArmadaError } from '../base/errors.ts';
import { withLevels } from '../base/log-levels.ts';
import { silentLogger } from '../base/logger.ts';
import { readFleet } from '../peers/fleet.ts';
import { changeEverywhere } from '../peers/log-level.ts';
import { createFleet } from '../peers/testing/fleet.ts';
import { type PeerServer, startPeer } from './testing/peering.ts';

const QUESTION: ReadFleetRequest = {
  question: { $case: 'executors', value: { name: 'east', pageSize: 0, pageToken: '' } },
};

/** Answers with the question's name and who was asked. */
function knowing(id: string): (question: ReadFleetRequest) => Promise<ReadFleetResponse> {
  return ({ question }) => {
    assert(question?.$case === 'executors');
    const nextPageToken = `${question.value.name} of ${id}`;
    return Promise.resolve({ answer: { $case: 'executors', value: { executors: [], nextPageToken } } });
  };
}

async function ask(server: PeerServer): Promise<string> {
  const { members, peers, id } = server;
  const deps = { members, channels: peers.channels, askScheduler: knowing(id) };
  const { answer } = await readFleet(deps, QUESTION);
  assert(answer?.$case === 'executors');
  return answer.value.nextPageToken;
}

test('whichever server is asked of the fleet, the one that leads answers', async () => {
  const fleet = createFleet();
  await using a = await startPeer(fleet, 'a', { askScheduler: knowing('a') });
  await using b = await startPeer(fleet, 'b', { askScheduler: knowing('b') });
  fleet.lead('a');
  assert.deepEqual(await Promise.all([ask(a), ask(b)]), ['east of a', 'east of a']);
  fleet.lead('b');
  assert.deepEqual(await Promise.all([ask(a), ask(b)]), ['east of b', 'east of b']);
});

test('while nobody leads, or whoever does has no answer, the fleet is not known', async () => {
  const fleet = createFleet();
  const loading = () => Promise.reject(new ArmadaError('UNAVAILABLE', 'it loads'));
  await using a = await startPeer(fleet, 'a', { askScheduler: loading });
  await using b = await startPeer(fleet, 'b');
  await assert.rejects(ask(b), { code: 'UNAVAILABLE', message: /no server leads/ });
  fleet.lead('a');
  await assert.rejects(ask(b), { code: 'UNAVAILABLE', message: /does not answer/ });
  await a.kill();
  await assert.rejects(ask(b), { code: 'UNAVAILABLE' });
});

test('log levels are told and changed on all servers at once; who does not answer is named', async () => {
  const fleet = createFleet();
  const logs = ['a', 'b', 'c'].map(() => withLevels(silentLogger, 'warn'));
  for (const { logger } of logs) logger.child({ part: 'scheduler' });
  const [first, second, third] = logs.map(({ levels }) => levels);
  await using a = await startPeer(fleet, 'a', { logLevels: first! });
  await using _b = await startPeer(fleet, 'b', { logLevels: second! });
  await using c = await startPeer(fleet, 'c', { logLevels: third! });
  const deps = { members: a.members, channels: a.peers.channels, levels: first! };
  const rows = async (component: string, level?: string): Promise<string[]> => {
    const { levels, unreached } = await changeEverywhere(deps, { component, level });
    assert.deepEqual(unreached, []);
    return levels.map((one) => `${one.server} ${one.component} ${one.level}`);
  };
  assert.deepEqual(await rows('scheduler'), ['a scheduler warn', 'b scheduler warn', 'c scheduler warn']);
  const after = await rows('scheduler', 'debug');
  assert.deepEqual(after, ['a scheduler debug', 'b scheduler debug', 'c scheduler debug']);
  assert.equal(logs[1]?.logger.isLevelEnabled('debug'), false, 'the others are as they were');
  assert.deepEqual((await rows('')).length, 6);
  assert.deepEqual(await rows('server', 'silent'), ['a server silent', 'b server silent', 'c server silent']);
  const reset = await rows('', '');
  assert.ok(reset.every((row) => row.endsWith('warn')));
  assert.deepEqual(await rows('nobody'), []);
  await assert.rejects(changeEverywhere(deps, { component: '', level: 'loud' }), {
    code: 'INVALID_REQUEST',
    message: /level must be one of debug, info/,
  });
  await c.kill();
  const { levels, unreached } = await changeEverywhere(deps, { component: 'server', level: 'error' });
  assert.deepEqual(unreached, ['c']);
  assert.deepEqual(
    levels.map(({ server }) => server),
    ['a', 'b'],
  );
});
