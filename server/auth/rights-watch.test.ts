import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Queue } from '@armada-ts/api/api/queue';
import { Control, Control_Kind } from '@armada-ts/api/armada/store/v1/store';
import { ArmadaError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { createAuthorizer } from './authorizer.ts';
import type { Principal } from './principal.ts';
import { createRightsWatch, type HeldRight, type WatchedStream } from './rights-watch.ts';

beforeEach(() => mock.timers.enable({ apis: ['setInterval'] }));
afterEach(() => mock.timers.reset());

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

/** A store of queues, and what is read of it. */
function setUp() {
  const queues = new Map<string, Queue>();
  const reads: string[] = [];
  const world = { isAway: false };
  const queue = async (name: string) => {
    reads.push(name);
    if (world.isAway) throw new ArmadaError('UNAVAILABLE', 'the store is away');
    const found = queues.get(name);
    return found && { queue: found };
  };
  const rights = createRightsWatch({ read: { queue } }, silentLogger);
  return {
    world,
    reads,
    rights,
    put: (name: string, ...userOwners: string[]) => queues.set(name, Queue.fromPartial({ name, userOwners })),
    drop: (name: string) => queues.delete(name),
    changed: (name: string) => rights.apply(Control.fromPartial({ kind: Control_Kind.KIND_QUEUE, name })),
    async second() {
      mock.timers.tick(1000);
      await settled();
    },
  };
}

interface Watched extends HeldRight {
  /** Codes that it was ended with. */
  ends: string[];
}

function open(
  { rights }: ReturnType<typeof setUp>,
  name: string,
  more: Partial<WatchedStream> = {},
): Watched {
  const ends: string[] = [];
  const principal: Principal = { name, groups: [], scopes: [], scheme: 'test' };
  const right = rights.watch({
    principal,
    chain: { recheck: () => undefined },
    authorizer: createAuthorizer({ permissionGroupMapping: {}, permissionScopeMapping: {} }),
    permission: undefined,
    end: ({ code }) => ends.push(code),
    ...more,
  });
  return { ends, ...right };
}

test('a stream ends when its scheme believes in its caller no longer, and then only', async () => {
  const world = setUp();
  let gone = '';
  const chain = {
    recheck: ({ name }: Principal) =>
      name === gone ? new ArmadaError('UNAUTHENTICATED', 'the token has expired') : undefined,
  };
  const [ann, bob] = [open(world, 'ann', { chain }), open(world, 'bob', { chain })];
  await world.second();
  gone = 'ann';
  await world.second();
  assert.deepEqual([ann.ends, bob.ends], [['CREDENTIALS_ENDED'], []]);
  ann.release();
  await world.second();
  assert.deepEqual([ann.ends, bob.ends], [['CREDENTIALS_ENDED'], []]);
});

test('a stream ends when its caller has the permission no longer', async () => {
  const world = setUp();
  const groups = { execute_jobs: ['everyone'] };
  const authorizer = createAuthorizer({ permissionGroupMapping: groups, permissionScopeMapping: {} });
  const stream = open(world, 'ann', { authorizer, permission: 'execute_jobs' });
  await world.second();
  assert.deepEqual(stream.ends, []);
  groups.execute_jobs = ['nobody'];
  await world.second();
  assert.deepEqual(stream.ends, ['PERMISSION_DENIED']);
});

test('a stream ends when its queue has changed and allows it no longer; a queue is read once for all of its streams', async () => {
  const world = setUp();
  world.put('q', 'ann', 'bob');
  world.put('other', 'ann');
  const streams = ['ann', 'bob', 'ann', 'bob'].map((name) => open(world, name));
  for (const stream of streams) stream.onQueue('q', 'watch');
  const other = open(world, 'ann');
  other.onQueue('other', 'watch');
  await world.second();
  assert.deepEqual(
    world.reads.splice(0).sort(),
    ['other', 'q'],
    'it may have changed while they were let in',
  );
  await world.second();
  assert.deepEqual(world.reads, [], 'nothing has changed since');
  world.put('q', 'bob');
  world.changed('q');
  world.changed('unwatched');
  await world.second();
  assert.deepEqual(world.reads, ['q']);
  const denied = ['PERMISSION_DENIED'];
  assert.deepEqual(
    streams.map(({ ends }) => ends),
    [denied, [], denied, []],
  );
  assert.deepEqual(other.ends, []);
});

test('after a gap in what the log says every watched queue is read', async () => {
  const world = setUp();
  world.put('q', 'ann');
  const stream = open(world, 'ann');
  stream.onQueue('q', 'watch');
  await world.second();
  world.put('q');
  world.rights.missed();
  await world.second();
  assert.deepEqual(stream.ends, ['PERMISSION_DENIED']);
});

test('while the store is away nobody is ended, and they are judged when it is back', async () => {
  const world = setUp();
  world.put('q', 'ann');
  const stream = open(world, 'ann');
  stream.onQueue('q', 'watch');
  await world.second();
  world.put('q');
  world.world.isAway = true;
  world.changed('q');
  await world.second();
  await world.second();
  assert.deepEqual(stream.ends, []);
  world.world.isAway = false;
  await world.second();
  assert.deepEqual(stream.ends, ['PERMISSION_DENIED']);
});

test('a deleted queue ends no stream here: its last events are still to be sent', async () => {
  const world = setUp();
  world.put('q', 'ann');
  const stream = open(world, 'ann');
  stream.onQueue('q', 'watch');
  await world.second();
  world.drop('q');
  world.changed('q');
  await world.second();
  assert.deepEqual(stream.ends, []);
});

test('nothing is kept or done for streams that have ended', async () => {
  const world = setUp();
  world.put('q', 'ann');
  const stream = open(world, 'ann', { chain: { recheck: () => assert.fail('it has ended') } });
  stream.onQueue('q', 'watch');
  stream.release();
  world.changed('q');
  await world.second();
  assert.deepEqual(world.reads, []);
});

test('five thousand streams take milliseconds of each second', async () => {
  const world = setUp();
  world.put('q', 'ann');
  const streams = Array.from({ length: 5000 }, () => open(world, 'ann'));
  for (const stream of streams) stream.onQueue('q', 'watch');
  await world.second();
  world.changed('q');
  const before = process.cpuUsage();
  await world.second();
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 200_000, `${user + system} µs`);
  assert.ok(streams.every(({ ends }) => ends.length === 0));
});
