import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ServerRecord } from '../store/servers.ts';
import { describeServer, serverInfo } from './server-info.ts';

const member = (name: string): ServerRecord => ({
  id: name,
  name,
  address: `${name}:50051`,
  version: '1.2.3',
  startedAtMs: 1,
});

const info = {
  name: 'redis redis-1:6379',
  partitions: 16,
  acknowledgement: 'replicated',
  epochMs: 1,
  notices: ['something is unusual'],
} as const;

test('a server tells its store, the level of acknowledgement, who else there is and who leads', () => {
  const [a, b] = [member('a'), member('b')];
  const told = serverInfo({
    store: { info },
    members: { self: a, others: () => [b], leader: () => b },
    notices: () => ['so is this'],
  });
  assert.equal(told.acknowledgement, 'replicated');
  assert.deepEqual(told.notices, ['something is unusual', 'so is this']);
  assert.deepEqual(describeServer(told), [
    'store redis redis-1:6379, acknowledgement replicated',
    'server a 1.2.3 at a:50051',
    'server b 1.2.3 at b:50051, leads',
  ]);
});

test('while nobody leads, nobody is said to', () => {
  const a = member('a');
  const { servers } = serverInfo({
    store: { info },
    members: { self: a, others: () => [], leader: () => undefined },
    notices: () => [],
  });
  assert.deepEqual(
    servers.map(({ leads }) => leads),
    [false],
  );
});
