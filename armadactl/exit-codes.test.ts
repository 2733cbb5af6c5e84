import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ArmadaClientError } from '@armada-ts/client/errors';
import { ExitCode, exitCodeOf } from './exit-codes.ts';
import { toFailure } from './report.ts';

test('exitCodeOf() tells missing, denied, unreachable and late apart', () => {
  assert.equal(exitCodeOf('NOT_FOUND'), 3);
  assert.equal(exitCodeOf('UNAUTHENTICATED'), 4);
  assert.equal(exitCodeOf('PERMISSION_DENIED'), 4);
  assert.equal(exitCodeOf('UNAVAILABLE'), 5);
  assert.equal(exitCodeOf('DEADLINE_EXCEEDED'), 6);
  assert.equal(exitCodeOf('CANCELLED'), 130);
  for (const code of ['INVALID_ARGUMENT', 'ALREADY_EXISTS', 'FAILED_PRECONDITION', 'INTERNAL'] as const) {
    assert.equal(exitCodeOf(code), 1, code);
  }
});

test('the manual lists every exit code', () => {
  const manual = readFileSync(new URL('../docs/armadactl.md', import.meta.url), 'utf8');
  const listed = [...manual.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => Number(code));
  assert.deepEqual(listed, Object.values(ExitCode));
});

test('toFailure() says what to do about a server that cannot be reached', () => {
  const remedy = (message: string) =>
    toFailure(new ArmadaClientError('UNAVAILABLE', message, { unreachable: true })).details.join();
  assert.match(remedy('cannot reach localhost:50051: connect ECONNREFUSED'), /npm start/);
  assert.match(remedy('cannot reach armada.example.com:443: connect ECONNREFUSED'), /check the address/);
  assert.match(
    remedy('cannot reach any server: a:1 (connect ECONNREFUSED), b:2 (late)'),
    /check the address/,
  );
  assert.match(remedy('cannot reach a.example.com:443: SSL routines: wrong version number'), /forceNoTls/);
  const faults: [string, RegExp][] = [
    ['self-signed certificate', /`--ca FILE`/],
    ['unable to verify the first certificate', /`--ca FILE`/],
    ['tlsv13 alert certificate required', /`--cert`/],
    ["Hostname/IP does not match certificate's altnames: b", /for other names/],
    ['Failed to connect', /may speak TLS/],
  ];
  for (const [fault, advice] of faults) assert.match(remedy(`cannot reach localhost:1: ${fault}`), advice);
});

test('toFailure() lists faults, and owns up to what nobody foresaw', () => {
  const faults = [{ field: 'job_request_items[3].namespace', message: 'is missing' }];
  const refused = toFailure(new ArmadaClientError('INVALID_ARGUMENT', 'an item is wrong', { faults }));
  assert.equal(refused.exitCode, 1);
  assert.deepEqual(refused.details, ['job_request_items[3].namespace: is missing']);
  assert.match(
    toFailure(new TypeError('x is not a function')).message,
    /^this should not have happened: x is/,
  );
});
