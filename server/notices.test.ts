import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from './base/logger.ts';
import { ConfigError, loadConfig } from './config.ts';
import { noticesOf } from './notices.ts';

function noticesFor(
  auth: object,
  host: string,
  auditFile?: { fault: string | undefined },
  proxies?: string[],
) {
  const defaults = { host, auth, trustedProxies: proxies ?? [] };
  const config = loadConfig({ defaults, files: [], environment: {}, flags: {} });
  const warned: string[] = [];
  const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warned.push(message) };
  return { notices: noticesOf(config, { auditFile, logger }), warned };
}

test('anonymous is refused where the network could use it, unless that is wanted', () => {
  const open = { schemes: ['basic', 'anonymous'] };
  for (const host of [
    '0.0.0.0',
    '::',
    '192.168.1.10',
    'armada.example.com',
    '127.example.com',
    '::ffff:10.0.0.1',
  ]) {
    assert.throws(
      () => noticesFor(open, host),
      (error) => error instanceof ConfigError && error.message.includes(`host is ${host}`),
    );
    assert.throws(() => noticesFor({ ...open, allowAnonymousFromNetwork: false }, host), ConfigError);
    const { notices, warned } = noticesFor({ ...open, allowAnonymousFromNetwork: true }, host);
    assert.match(notices()[0] ?? '', /let in without credentials/);
    assert.deepEqual(warned, notices());
  }
});

test('anonymous is refused where proxies bring calls from the network, unless that is wanted', () => {
  const open = { schemes: ['anonymous'] };
  const behindProxy = (auth: object) => noticesFor(auth, '127.0.0.1', undefined, ['127.0.0.1']);
  assert.throws(
    () => behindProxy(open),
    (error) => error instanceof ConfigError && error.message.includes('trustedProxies'),
  );
  assert.match(behindProxy({ ...open, allowAnonymousFromNetwork: true }).warned[0] ?? '', /let in without/);
  assert.deepEqual(behindProxy({ schemes: ['basic'] }).warned, []);
});

test('nothing is said of servers that ask for credentials, or are for their own machine', () => {
  for (const [auth, host] of [
    [{ schemes: ['basic'] }, '0.0.0.0'],
    [{ schemes: ['basic'], allowAnonymousFromNetwork: true }, '0.0.0.0'],
    [{ schemes: ['anonymous'] }, '127.0.0.1'],
    [{ schemes: ['anonymous'] }, 'localhost'],
    [{ schemes: ['anonymous'] }, '::1'],
  ] as const) {
    const { notices, warned } = noticesFor(auth, host);
    assert.deepEqual([notices(), warned], [[], []]);
  }
});

test('an audit log that cannot be written is told while it is so', () => {
  const auditFile: { fault: string | undefined } = { fault: undefined };
  const { notices } = noticesFor({ schemes: ['basic'] }, '127.0.0.1', auditFile);
  assert.deepEqual(notices(), []);
  auditFile.fault = 'ENOSPC: no space left on device, write';
  assert.deepEqual(notices(), ['the audit log cannot be written']);
});
