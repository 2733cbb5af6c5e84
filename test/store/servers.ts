/** The servers of a store meet through it, and one at a time takes the lead. */
import type { Meeting, ServerRecord } from '@armada-ts/server/store/servers';
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { changeBatch, submitJobs } from './builders.ts';
import { applied } from './compare.ts';
import { type Engine, openStore } from './engine.ts';

function server(id: string): ServerRecord {
  return { id, name: `host-${id}`, address: `${id}:50051`, version: '1.2.3', startedAtMs: 1_700_000_000_000 };
}

function idsIn({ servers }: Meeting): string[] {
  return servers.map(({ server: { id } }) => id).sort();
}

function beatIn({ servers }: Meeting, id: string): number {
  return servers.find((each) => each.server.id === id)?.beat ?? Number.NaN;
}

export function serversSuite(engine: Engine): void {
  describe('servers', () => {
    it('shows each server what all have said of themselves, until they leave', async (test) => {
      const { servers } = await openStore(engine, test);
      const first = await servers.meet(server('a'));
      assert.deepEqual(first.servers[0]?.server, server('a'));
      assert.deepEqual([idsIn(first), first.leaderId, first.term], [['a'], undefined, 0]);
      await servers.meet(server('b'));
      assert.deepEqual(idsIn(await servers.meet(server('a'))), ['a', 'b']);
      await servers.leave('b');
      assert.deepEqual(idsIn(await servers.meet(server('a'))), ['a']);
      await servers.leave('b');
    });

    it('lets a beat rise with each meeting of its server, and no other', async (test) => {
      const { servers } = await openStore(engine, test);
      await servers.meet(server('a'));
      const before = await servers.meet(server('b'));
      const after = await servers.meet(server('b'));
      assert(beatIn(after, 'b') > beatIn(before, 'b'));
      assert.equal(beatIn(after, 'a'), beatIn(before, 'a'));
    });

    it('gives each term to one of those who want it', async (test) => {
      const store = await openStore(engine, test);
      const tries = await Promise.all(
        ['a', 'b', 'c'].map(
          async (serverId) => [serverId, await store.lead({ serverId, after: 0 })] as const,
        ),
      );
      const [winner, ...others] = tries.filter(([, led]) => led);
      assert(winner?.[1] && others.length === 0, 'one of three');
      const meeting = await store.servers.meet(server('a'));
      assert.deepEqual([meeting.leaderId, meeting.term], [winner[0], winner[1].term]);
      assert.equal(await store.lead({ serverId: 'd', after: 0 }), undefined);
      const next = await store.lead({ serverId: 'd', after: meeting.term });
      assert(next && next.term > meeting.term);
    });

    it('changes nothing for one that comes too late', async (test) => {
      const store = await openStore(engine, test);
      const { jobs } = await applied(store, submitJobs(1));
      const led = await store.lead({ serverId: 'a', after: 0 });
      assert(led);
      assert.equal(await store.lead({ serverId: 'b', after: 0 }), undefined);
      assert.equal((await store.servers.meet(server('b'))).leaderId, 'a');
      await applied(store, changeBatch(jobs, 'lease', { term: led.term }));
    });

    it('knows no leader once it has left, and who leads all others outlives that', async (test) => {
      const store = await openStore(engine, test);
      await store.servers.meet(server('a'));
      const led = await store.lead({ serverId: 'a', after: 0 });
      await store.servers.leave('b');
      assert.equal((await store.servers.meet(server('b'))).leaderId, 'a');
      await store.servers.leave('a');
      const { leaderId, term } = await store.servers.meet(server('b'));
      assert.deepEqual([leaderId, term], [undefined, led?.term]);
    });

    it('tells of who comes, leads and leaves', { timeout: 10_000 }, async (test) => {
      const store = await openStore(engine, test);
      const { servers } = store;
      let told = Promise.withResolvers<void>();
      const stop = servers.subscribe(() => told.resolve());
      for (const happen of [
        () => servers.meet(server('a')),
        () => store.lead({ serverId: 'a', after: 0 }),
        () => servers.leave('a'),
      ]) {
        await Promise.all([happen(), told.promise]);
        told = Promise.withResolvers();
      }
      stop();
    });

    it('has a secret', async (test) => {
      const { servers } = await openStore(engine, test);
      assert(servers.secret.length >= 32);
    });
  });
}
