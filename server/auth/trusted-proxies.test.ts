import assert from 'node:assert/strict';
import { test } from 'node:test';
import { trustedProxiesSchema } from './config.ts';
import { createClientFinder } from './trusted-proxies.ts';

function find(peer: string, ...forwarded: string[]): string | undefined {
  return createClientFinder(['10.0.0.0/8', '2001:db8::/32', '192.0.2.7'])?.(peer, forwarded);
}

test('without trusted proxies there is nothing to find', () => {
  assert.equal(createClientFinder([]), undefined);
});

test('what a trusted proxy says is believed, and what strangers wrote before it is not', () => {
  assert.equal(find('10.0.0.1:5', '198.51.100.1'), '198.51.100.1');
  assert.equal(find('10.0.0.1:5', '203.0.113.9, 198.51.100.1'), '198.51.100.1');
  assert.equal(find('10.0.0.1:5', '203.0.113.9', '198.51.100.1,192.0.2.7 , 10.2.3.4'), '198.51.100.1');
  assert.equal(find('::ffff:10.0.0.1:5', '198.51.100.1'), '198.51.100.1');
  assert.equal(find('2001:db8::1:5', '[2001:470::1]:9'), '[2001:470::1]');
  assert.equal(find('[2001:db8::1]:5', '2001:470::1'), '[2001:470::1]');
  assert.equal(find('10.0.0.1:5', '198.51.100.1:4711'), '198.51.100.1');
  assert.equal(find('10.0.0.1:5', '::ffff:198.51.100.1'), '198.51.100.1');
});

test('strangers are who they are, whatever they say', () => {
  assert.equal(find('198.51.100.1:5', '203.0.113.9'), '198.51.100.1:5');
  assert.equal(find('11.0.0.1:5', '10.0.0.1'), '11.0.0.1:5');
  assert.equal(find('', '203.0.113.9'), '');
  assert.equal(find('unknown', '203.0.113.9'), 'unknown');
});

test('a proxy that says nothing, or nothing that is an address, is who calls', () => {
  for (const said of [
    '',
    ' ',
    'unknown',
    '_hidden',
    '203.0.113.9,',
    '1.2.3.4.5',
    '[::1',
    '1.2.3.4%0',
    'a'.repeat(9999),
  ])
    assert.equal(find('10.0.0.1:5', said), '10.0.0.1:5', said);
  assert.equal(find('10.0.0.1:5'), '10.0.0.1:5');
  assert.equal(find('10.0.0.1:5', 'unknown, 10.0.0.2'), '10.0.0.2');
  assert.equal(find('10.0.0.1:5', '10.0.0.3, 10.0.0.2'), '10.0.0.3', 'all of them are trusted');
});

test('only addresses and networks are taken for proxies', () => {
  for (const good of ['10.0.0.1', '10.0.0.0/8', '::1', '2001:db8::/32', '0.0.0.0/0'])
    assert.ok(trustedProxiesSchema.safeParse([good]).success, good);
  for (const bad of [
    '',
    'proxy.example.com',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    'fe80::1%eth0',
    '10.0.0',
  ])
    assert.ok(!trustedProxiesSchema.safeParse([bad]).success, bad);
});
