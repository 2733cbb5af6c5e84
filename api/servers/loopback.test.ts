import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLoopback } from './loopback.ts';

test('isLoopback() knows the names and numbers of this machine, and nothing else', () => {
  const here = [
    'localhost:50051',
    'LOCALHOST',
    '127.0.0.1:1',
    '127.1.2.3:1',
    '[::1]:50051',
    '::1',
    'a.localhost:1',
  ];
  for (const address of [...here, 'dns:///localhost:1', 'unix:/run/armada.sock']) {
    assert.equal(isLoopback(address), true, address);
  }
  const elsewhere = [
    'armada.example.com:50051',
    'localhost.example.com:1',
    'mylocalhost:1',
    '10.127.0.0:1',
    '[::2]:1',
  ];
  for (const address of [...elsewhere, '127.0.0.1.example.com:443', '']) {
    assert.equal(isLoopback(address), false, address);
  }
});
