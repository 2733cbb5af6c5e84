import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRedisUrl, shownPlace } from './url.ts';

test('parseRedisUrl() reads one server, Sentinel and Cluster', () => {
  assert.deepEqual(parseRedisUrl('redis://localhost'), {
    kind: 'single',
    addresses: [{ host: 'localhost', port: 6379 }],
    tls: false,
    username: undefined,
    password: undefined,
    database: 0,
    masterName: '',
    sentinelUsername: undefined,
    sentinelPassword: undefined,
    prefix: 'armada:',
  });
  const sentinel = parseRedisUrl('rediss+sentinel://me:p%40ss@a,[::1]:27000/main?sentinel-password=x');
  assert.equal(sentinel.kind, 'sentinel');
  assert.deepEqual(sentinel.addresses, [
    { host: 'a', port: 26_379 },
    { host: '::1', port: 27_000 },
  ]);
  assert.deepEqual(
    [sentinel.tls, sentinel.username, sentinel.password, sentinel.masterName, sentinel.sentinelPassword],
    [true, 'me', 'p@ss', 'main', 'x'],
  );
  assert.equal(parseRedisUrl('redis://a:1,b:2,c:3').kind, 'cluster');
  assert.equal(parseRedisUrl('redis+cluster://a').kind, 'cluster');
  const other = parseRedisUrl('redis://:secret@a/3?prefix=team:');
  assert.deepEqual(
    [other.username, other.password, other.database, other.prefix],
    [undefined, 'secret', 3, 'team:'],
  );
});

test('parseRedisUrl() says what is wrong and repeats no secret', () => {
  for (const [url, message] of [
    ['redis:', /must be redis:/],
    ['redis+sentinel://a', /must name the master/],
    ['redis://a/x', /database by number/],
    ['redis+cluster://a,b/2', /has one/],
    ['redis://a:b', /host and port/],
    ['redis://a:99999', /host and port/],
    ['redis://u:secret@a?prefx=1', /unknown parameter "prefx"/],
    ['redis://u:secret@a?prefix={}', /without braces/],
    ['redis://u:secret%@a', /%25/],
    ['redis+sentinel://a/%zz', /%25/],
  ] as const) {
    assert.throws(
      () => parseRedisUrl(url),
      (error: { code?: string; message: string; faults?: { field: string; message: string }[] }) => {
        assert.equal(error.code, 'INVALID_REQUEST');
        assert.equal(error.faults?.[0]?.field, 'store.url');
        assert.match(error.faults?.[0]?.message ?? '', message, url);
        assert.doesNotMatch(JSON.stringify(error), /secret/);
        return true;
      },
    );
  }
});

test('shownPlace() tells the place without its secrets', () => {
  const shown = (url: string): string => shownPlace(parseRedisUrl(url));
  assert.equal(shown('redis://u:secret@a:1'), 'redis a:1');
  assert.equal(
    shown('redis+sentinel://a,b/main?sentinel-password=secret'),
    'redis main at sentinels a:26379,b:26379',
  );
  assert.equal(shown('redis://a,b?prefix=x:'), 'redis cluster a:6379,b:6379 x:');
});
