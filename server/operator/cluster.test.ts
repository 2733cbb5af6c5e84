import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ArmadaError } from '../base/errors.ts';
import type { ServerRecord } from '../store/servers.ts';
import { type ClusterDeps, clusterConfiguration, removeServer } from './cluster.ts';

type Listed = ServerRecord & { isAlive: boolean; silentMs: number };

function listed(name: string, part: Partial<Listed> = {}): Listed {
  const address = `${name}:50051`;
  return {
    id: `id-${name}`,
    name,
    address,
    version: '1.2.3',
    startedAtMs: 5_000,
    isAlive: true,
    silentMs: 0,
    ...part,
  };
}

/** A cluster of which `servers` are listed. A server that left is listed no more once all have met again. */
function cluster(servers: Listed[], part: Partial<ClusterDeps['store']> = {}) {
  let known = servers;
  const left = new Set<string>();
  const deps: ClusterDeps = {
    store: {
      heads: async () => [3, 4],
      servers: {
        secret: Buffer.alloc(0),
        meet: () => Promise.reject(new Error('nobody meets here')),
        subscribe: () => () => {},
        leave: async (id) => void left.add(id),
      },
      ...part,
    },
    members: {
      listed: () => known,
      leader: () => known.find(({ name }) => name === 'a'),
      term: () => 7,
      met: async () => {
        known = known.filter(({ id }) => !left.has(id));
      },
    },
    followed: () => [2, 4],
    clock: { now: () => 1_000_000, elapsed: () => 0 },
  };
  return { deps, left };
}

test('the configuration tells of all servers, who leads, and how far the log is', async () => {
  const { deps } = cluster([listed('a'), listed('b', { isAlive: false, silentMs: 9_000 })]);
  const { servers, logIndex, term } = await clusterConfiguration(deps, false);
  assert.deepEqual([logIndex, term], [7n, 7n]);
  assert.deepEqual(
    servers.map((one) => [
      one.name,
      one.leader,
      one.voter,
      one.alive,
      one.lastSeen?.seconds,
      one.started?.seconds,
    ]),
    [
      ['a', true, true, true, 1000n, 5n],
      ['b', false, false, false, 991n, 5n],
    ],
  );
  assert.equal((await clusterConfiguration(deps, true)).logIndex, 6n);
});

test('while the store is away only a stale configuration can be had', async (t) => {
  const gone = new ArmadaError('UNAVAILABLE', 'the store is away');
  const failing = cluster([listed('a')], { heads: () => Promise.reject(gone) });
  await assert.rejects(clusterConfiguration(failing.deps, false), { code: 'UNAVAILABLE' });
  assert.equal((await clusterConfiguration(failing.deps, true)).servers.length, 1);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const silent = cluster([listed('a')], { heads: () => new Promise(() => {}) });
  const asked = assert.rejects(clusterConfiguration(silent.deps, false), { message: /stale/ });
  t.mock.timers.tick(2_000);
  await asked;
});

test('who is dead can be struck off, who is alive cannot', async () => {
  const replaced = listed('b', { id: 'id-replaced', isAlive: false });
  const { deps, left } = cluster([listed('a'), listed('b'), replaced, listed('c', { isAlive: false })]);
  await assert.rejects(removeServer(deps, 'a:50051'), {
    code: 'SERVER_ALIVE',
    message: /server a at a:50051 is alive/,
  });
  await assert.rejects(removeServer(deps, 'd:50051'), { code: 'SERVER_NOT_FOUND' });
  await assert.rejects(removeServer(deps, ''), { code: 'INVALID_REQUEST', message: /^address must be/ });
  assert.equal(left.size, 0);
  await removeServer(deps, 'c:50051');
  await removeServer(deps, 'b:50051');
  assert.deepEqual([...left], ['id-c', 'id-replaced']);
  const { servers } = await clusterConfiguration(deps, true);
  assert.deepEqual(
    servers.map(({ id }) => id),
    ['id-a', 'id-b'],
  );
  await assert.rejects(removeServer(deps, 'c:50051'), { code: 'SERVER_NOT_FOUND' });
  await assert.rejects(removeServer(deps, 'b:50051'), { code: 'SERVER_ALIVE' });
});
