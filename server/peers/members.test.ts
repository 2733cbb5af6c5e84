/** Servers that meet through a store of one process. */
import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { systemClock } from '../base/clock.ts';
import { ArmadaError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { createServers } from '../store/sqlite/servers.ts';
import type { Servers } from '../store/servers.ts';
import { createMembers, type Membership } from './members.ts';

interface Place {
  servers: Servers;
  lead: (id: string) => void;
  isAway: boolean;
}

function createPlace(): Place {
  let term = 0;
  const { servers, hasTaken } = createServers(Buffer.from('secret'), async () => term);
  const place: Place = {
    isAway: false,
    lead(id) {
      term++;
      hasTaken(id);
    },
    servers: {
      ...servers,
      async meet(self) {
        if (place.isAway) throw new ArmadaError('UNAVAILABLE', 'the store is away');
        return await servers.meet(self);
      },
    },
  };
  return place;
}

function join(place: Place, id: string, test: TestContext): Membership {
  const self = { id, name: id, version: '1', startedAtMs: 0 };
  const members = createMembers({ store: place, self, clock: systemClock, logger: silentLogger });
  test.after(() => members.leave());
  members.join(`${id}:1`);
  return members;
}

async function until(members: Membership, isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await new Promise<void>((resolve) => {
      const stop = members.subscribe(() => {
        stop();
        resolve();
      });
    });
  }
}

test('servers find each other, see who leads, and see who leaves at once', { timeout: 10_000 }, async (t) => {
  const place = createPlace();
  const a = join(place, 'a', t);
  await a.met();
  assert.deepEqual([a.others(), a.leader(), a.vacancy(undefined)], [[], undefined, 0]);
  const b = join(place, 'b', t);
  await until(a, () => a.others().length === 1);
  assert.deepEqual(a.others()[0], b.self);
  assert.equal(b.self.address, 'b:1');
  place.lead('a');
  await until(b, () => b.leader()?.id === 'a');
  assert.equal(b.vacancy(undefined), undefined);
  const leftMs = performance.now();
  await a.leave();
  await until(b, () => b.vacancy(undefined) === 1);
  assert(performance.now() - leftMs < 500, 'it was not worth waiting for the next meeting');
  assert.deepEqual(b.others(), []);
});

test('nobody is gone because the store is away', { timeout: 10_000 }, async (t) => {
  const place = createPlace();
  const a = join(place, 'a', t);
  const b = join(place, 'b', t);
  await Promise.all([until(a, () => a.others().length === 1), b.met()]);
  place.isAway = true;
  let hasMet = false;
  const met = a.met().then(() => (hasMet = true));
  await new Promise((resolve) => setTimeout(resolve, 3_500));
  assert.equal(hasMet, false);
  place.isAway = false;
  await met;
  assert.equal(a.others().length, 1);
});
