import assert from 'node:assert/strict';
import { test } from 'node:test';
import { acknowledgementOf, checkServers } from './checks.ts';
import type { ServerInfo } from './wire.ts';

/** A server at which there is nothing to find fault with. */
function server(fields: Record<string, string> = {}): ServerInfo {
  const good = {
    redis_version: '7.0.15',
    maxmemory_policy: 'noeviction',
    maxmemory: '1000000',
    role: 'master',
    aof_enabled: '1',
    appendfsync: 'everysec',
  };
  return { address: 'host:6379', fields: new Map(Object.entries({ ...good, ...fields })) };
}

test('checkServers() refuses what would lose or tear data, and says what to change', () => {
  assert.deepEqual(checkServers([server()]), []);
  for (const [fields, message] of [
    [{ redis_version: '6.2.7' }, /^Redis at host:6379 is version 6\.2\.7; version 7\.0 or later is needed$/],
    [{ maxmemory_policy: 'allkeys-lru' }, /set maxmemory-policy noeviction$/],
    [{ role: 'slave' }, /is a replica; name its master/],
    [{ loading: '1' }, /still loading/],
    [{ cluster_state: 'fail' }, /redis-cli --cluster check$/],
  ] as const) {
    assert.throws(() => checkServers([server(), server(fields)]), { code: 'UNAVAILABLE', message });
  }
});

test('checkServers() warns of what may cost data later', () => {
  const warned = (fields: Record<string, string>): string => checkServers([server(fields)]).join();
  assert.match(warned({ aof_enabled: '0' }), /set appendonly yes$/);
  assert.match(warned({ appendfsync: 'no' }), /set appendfsync always or everysec$/);
  assert.match(warned({ maxmemory: '0' }), /set maxmemory/);
});

test('acknowledgementOf() takes the strongest level that every server can give', () => {
  const synced = { appendfsync: 'always' };
  const replicated = { slave0: 'ip=1,port=2,state=online,offset=3,lag=0' };
  assert.equal(acknowledgementOf([server()], undefined), 'local');
  assert.equal(acknowledgementOf([server(synced), server()], undefined), 'local');
  assert.equal(acknowledgementOf([server(synced)], undefined), 'synced');
  assert.equal(acknowledgementOf([server({ ...synced, ...replicated })], undefined), 'replicated');
  assert.equal(acknowledgementOf([server({ slave0: 'ip=1,state=wait_bgsave' })], undefined), 'local');
  assert.equal(acknowledgementOf([server(replicated)], 'local'), 'local');
});

test('acknowledgementOf() refuses a level that is not to be had', () => {
  for (const [fields, level, message] of [
    [{}, 'synced', /host:6379 has appendfsync everysec; set appendonly yes and appendfsync always$/],
    [{ aof_enabled: '0' }, 'synced', /has no append-only file/],
    [{}, 'replicated', /has no replica; attach one$/],
  ] as const) {
    assert.throws(
      () => acknowledgementOf([server(fields)], level),
      (error: { code?: string; faults?: { field: string; message: string }[] }) => {
        assert.equal(error.code, 'INVALID_REQUEST');
        assert.equal(error.faults?.[0]?.field, 'store.acknowledgement');
        assert.match(error.faults?.[0]?.message ?? '', message);
        return true;
      },
    );
  }
});
