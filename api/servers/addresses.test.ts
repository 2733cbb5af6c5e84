import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddresses } from './addresses.ts';

test('parseAddresses() keeps the order, and each address once', () => {
  assert.deepEqual(parseAddresses('localhost:50051'), ['localhost:50051']);
  assert.deepEqual(parseAddresses('b.example:1, a.example:2 ,[::1]:3'), [
    'b.example:1',
    'a.example:2',
    '[::1]:3',
  ]);
  assert.deepEqual(parseAddresses('a:1,b:2,a:1'), ['a:1', 'b:2']);
  assert.deepEqual(parseAddresses('unix:/run/armada.sock,dns:///a.example:1'), [
    'unix:/run/armada.sock',
    'dns:///a.example:1',
  ]);
});

test('parseAddresses() says what is wrong, and what to write instead', () => {
  const faults: [string, RegExp][] = [
    ['', /^must be host:port, or several with commas between them, got ""$/],
    ['a:1,', /^an address between the commas is empty: "a:1,"$/],
    ['a:1,,b:2', /^an address between the commas is empty/],
    ['a.example', /^must be host:port, .* got "a\.example"$/],
    ['a:1,b', /^must be host:port, .* got "b"$/],
    ['a:1 b:2', /^must be host:port/],
    ['a:port', /^must be host:port/],
    [':50051', /^the host is missing: ":50051"$/],
    ['a:0', /^the port must be 1 to 65535, got "a:0"$/],
    ['a:65536', /^the port must be 1 to 65535/],
    ['::1:50051', /an IPv6 host in brackets as in \[::1\]:50051, got "::1:50051"$/],
    ['[::1]', /^must be host:port/],
    ['http://a:1', /^must be host:port without a scheme, got "http:\/\/a:1"$/],
    ['a:1,https://b:2', /^must be host:port without a scheme, got "https:\/\/b:2"$/],
  ];
  for (const [text, expected] of faults) {
    assert.throws(() => parseAddresses(text), { name: 'AddressFault', message: expected }, text);
  }
});
