import assert from 'node:assert/strict';
import { test } from 'node:test';
import { credentials } from '@grpc/grpc-js';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { createChannels } from './channels.ts';
import { createFleet } from './testing/fleet.ts';
import { createPeerTokens } from './token.ts';

function setUp() {
  const fleet = createFleet();
  const world = { nowMs: 0, warnings: 0 };
  const channels = createChannels({
    members: fleet.join('a'),
    tokens: createPeerTokens(Buffer.from('secret'), 'a', systemClock),
    credentials: credentials.createInsecure(),
    clock: { ...systemClock, elapsed: () => world.nowMs },
    logger: { ...silentLogger, warn: () => world.warnings++ },
  });
  return { fleet, channels, world };
}

test('there is a channel to each living server, and it goes with it', () => {
  const { fleet, channels } = setUp();
  assert.deepEqual(channels.all(), []);
  fleet.join('b').listen('b:1');
  fleet.join('c').listen('c:1');
  const b = channels.find('b');
  assert.deepEqual(
    channels.all().map(({ member }) => member.id),
    ['b', 'c'],
  );
  assert.equal(channels.find('b'), b, 'the same as long as it lives');
  fleet.leave('b');
  assert.ok(b?.gone.aborted);
  assert.equal(channels.find('b'), undefined);
  fleet.join('b').listen('b:2');
  assert.equal(channels.find('b')?.member.address, 'b:2');
  const c = channels.find('c');
  channels.close();
  assert.ok(c?.gone.aborted);
  assert.deepEqual(channels.all(), []);
});

test('a server that does not answer is told of when that goes on, and not too often', () => {
  const { fleet, channels, world } = setUp();
  fleet.join('b').listen('b:1');
  const fail = (atMs: number): number => {
    world.nowMs = atMs;
    channels.find('b')?.failed(new Error('refused'));
    return world.warnings;
  };
  assert.equal(fail(0), 0);
  assert.equal(fail(4_000), 0);
  assert.equal(fail(100_000), 0, 'long ago');
  assert.equal(fail(105_000), 1);
  for (let atMs = 106_000; atMs < 165_000; atMs += 1_000) assert.equal(fail(atMs), 1);
  assert.equal(fail(165_000), 2);
  const gone = channels.find('b');
  fleet.leave('b');
  world.nowMs = 300_000;
  gone?.failed(new Error('refused'));
  assert.equal(world.warnings, 2);
});
