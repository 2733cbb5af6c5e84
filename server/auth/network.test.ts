import assert from 'node:assert/strict';
import { test } from 'node:test';
import { networkOf } from './network.ts';

test('networkOf() is an address of IPv4 or half of one of IPv6, however it is written', () => {
  const cases: readonly [string, readonly string[]][] = [
    ['10.0.0.1', ['10.0.0.1:5', '10.0.0.1', '::ffff:10.0.0.1:5', '[::ffff:10.0.0.1]:5', '[::FFFF:10.0.0.1]']],
    [
      '2001:db8:0:7::/64',
      [
        '2001:db8:0:7::1:5',
        '[2001:db8:0:7::1]:5',
        '[2001:db8:0:7::1]',
        '[2001:0DB8:0:0007:ffff:ffff:ffff:ffff]',
        '2001:db8:0:7:1:2:3:4:5',
      ],
    ],
    ['0:0:0:0::/64', ['::1:50051', '[::1]:50051']],
    ['fe80:0:0:0::/64', ['fe80::1%eth0:5', '[fe80::2]']],
    ['2001:db8:0:0::/64', ['[2001:db8::]', '[2001:db8::1:2:3:4]:1']],
    ['unknown', ['unknown']],
    ['', ['']],
  ];
  for (const [network, peers] of cases)
    for (const peer of peers) assert.equal(networkOf(peer), network, peer);
});
