import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Compatibility } from '@armada-ts/api/armada/operator/v1/cluster';
import { createVersionNotice, judgeClient } from './client-version.ts';

const {
  COMPATIBILITY_OK,
  COMPATIBILITY_CLIENT_TOO_OLD,
  COMPATIBILITY_CLIENT_TOO_NEW,
  COMPATIBILITY_UNSPECIFIED,
} = Compatibility;

test('a client goes with a server from the oldest that is served to one minor version ahead', () => {
  const cases: [client: string, expected: Compatibility][] = [
    ['1.9.9', COMPATIBILITY_CLIENT_TOO_OLD],
    ['0.99.0', COMPATIBILITY_CLIENT_TOO_OLD],
    ['2.0.0', COMPATIBILITY_OK],
    ['2.4.0', COMPATIBILITY_OK],
    ['v2.5.77-rc.1+abc', COMPATIBILITY_OK],
    ['2.6.0', COMPATIBILITY_CLIENT_TOO_NEW],
    ['3.0.0', COMPATIBILITY_CLIENT_TOO_NEW],
  ];
  for (const [client, expected] of cases) {
    const { compatibility, advice } = judgeClient(client, '2.4.1', '2.0.0');
    assert.equal(compatibility, expected, client);
    assert.equal(advice === '', expected === COMPATIBILITY_OK, client);
  }
  assert.match(
    judgeClient('1.2.3', '2.4.1', '2.0.0').advice,
    /1\.2\.3.*2\.0\.0 and later: update the client/,
  );
  assert.match(judgeClient('9.0.0', '2.4.1', '2.0.0').advice, /9\.0\.0.*2\.4\.1.*update the server/);
});

test('what is no version is not judged, and not repeated', () => {
  for (const client of [
    '',
    'unknown',
    '1',
    '1.2',
    '1.2.3\nfake: header',
    '1.2.3 <b>',
    '99999999.0.0',
    '-1.0.0',
  ]) {
    const verdict = judgeClient(client, '1.0.0');
    assert.deepEqual(verdict, { compatibility: COMPATIBILITY_UNSPECIFIED, advice: '' }, client);
  }
  assert.equal(judgeClient('1.0.0', 'of unknown version').compatibility, COMPATIBILITY_UNSPECIFIED);
  const { advice } = judgeClient('9.0.0-evil', '1.0.0');
  assert.ok(!advice.includes('evil'));
});

test('createVersionNotice() has something to say to those only that do not suit', () => {
  const notice = createVersionNotice('0.1.0');
  assert.equal(notice('0.1.0'), undefined);
  assert.match(notice('9.0.0') ?? '', /9\.0\.0/);
  assert.match(notice('9.0.0') ?? '', /9\.0\.0/);
  assert.match(notice('0.0.1') ?? '', /0\.0\.1/);
  assert.equal(notice('0.1.0'), undefined);
});
