import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { unary } from '../../door/method.ts';
import { calmAdmission } from '../../door/testing/doors.ts';
import { createRestHandler } from './handler.ts';
import { openDoor } from '../../door/testing/doors.ts';
import { ask, openRest, serving } from './testing/served.ts';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

const MAX_BYTES = 64 * 1024;

function counting() {
  const sizes: number[] = [];
  const createQueue = unary('authenticated', ({ name }: { name: string }) => {
    sizes.push(name.length);
    return {};
  });
  return { sizes, createQueue };
}

function bodyOf(length: number): Buffer {
  return Buffer.from(JSON.stringify({ name: 'x'.repeat(length) }));
}

test('bodies may be packed', async () => {
  const { sizes, createQueue } = counting();
  await using port = await openRest({ createQueue }, { maxRequestBytes: MAX_BYTES });
  const packers = {
    gzip: gzipSync,
    'x-gzip': gzipSync,
    deflate: deflateSync,
    br: brotliCompressSync,
    Identity: (bytes: Buffer) => bytes,
  };
  for (const [encoding, pack] of Object.entries(packers)) {
    const headers = { 'content-encoding': encoding };
    const answer = await ask(port, 'POST /v1/queue', { headers, body: pack(bodyOf(30_000)) });
    assert.equal(answer.status, 200, `${encoding}: ${answer.text}`);
  }
  assert.deepEqual(sizes, [30_000, 30_000, 30_000, 30_000, 30_000]);
});

test('bodies that are too large are refused, packed or not, said or not', async () => {
  const { sizes, createQueue } = counting();
  await using port = await openRest({ createQueue }, { maxRequestBytes: MAX_BYTES });
  const large = bodyOf(MAX_BYTES);
  const bomb = gzipSync(Buffer.alloc(20 * MAX_BYTES, ' '));
  const attempts = [
    { body: large },
    { body: large, headers: { 'transfer-encoding': 'chunked' } },
    { body: gzipSync(large), headers: { 'content-encoding': 'gzip' } },
    { body: brotliCompressSync(large), headers: { 'content-encoding': 'br' } },
    { body: bomb, headers: { 'content-encoding': 'gzip' } },
  ];
  for (const attempt of attempts) {
    const { status, json } = await ask(port, 'POST /v1/queue', attempt);
    assert.deepEqual([status, (json as { code: number }).code], [413, 8]);
  }
  assert.deepEqual(sizes, []);
});

test('bodies that are not what they are said to be are refused', async () => {
  const { sizes, createQueue } = counting();
  await using port = await openRest({ createQueue }, { maxRequestBytes: MAX_BYTES });
  const whole = gzipSync(bodyOf(100));
  const attempts: [string, Uint8Array, number][] = [
    ['gzip', bodyOf(1), 400],
    ['gzip', whole.subarray(0, whole.length - 9), 400],
    ['br', whole, 400],
    ['deflate', whole, 400],
    ['compress', whole, 415],
    ['gzip, br', whole, 415],
    ['constructor', whole, 415],
  ];
  for (const [encoding, body, expected] of attempts) {
    const headers = { 'content-encoding': encoding };
    const { status, text } = await ask(port, 'POST /v1/queue', { headers, body });
    assert.equal(status, expected, `${encoding}: ${text}`);
  }
  assert.deepEqual(sizes, []);
});

test('a body that does not come is given up, and its connection with it', async () => {
  const { sizes, createQueue } = counting();
  const stalls: number[] = [];
  const admission = calmAdmission();
  const handler = createRestHandler({
    door: openDoor(),
    admission: {
      ...admission,
      enter(arrival) {
        const admitted = admission.enter(arrival);
        return 'retryAfterMs' in admitted
          ? admitted
          : { ...admitted, stalled: () => stalls.push(performance.now()) };
      },
    },
    services: [serving({ createQueue })],
    maxRequestBytes: MAX_BYTES,
    requestTimeoutMs: 100,
  });
  const server = createServer((request, response) => void handler.handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const socket = connect(port, '127.0.0.1');
  socket.write(
    'POST /v1/queue HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"n\r\n',
  );
  const answer = Buffer.concat(await socket.toArray()).toString();
  assert.match(answer, /^HTTP\/1\.1 408 /);
  assert.match(answer, /connection: close/i);
  assert.match(answer, /"code":14/);
  assert.equal(stalls.length, 1);

  // One that leaves in the middle of it is not answered at all.
  const leaving = connect(port, '127.0.0.1');
  leaving.write('POST /v1/queue HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"na');
  await once(leaving, 'connect');
  leaving.destroy();
  await once(leaving, 'close');
  server.closeAllConnections();
  server.close();
  assert.deepEqual(sizes, []);
});
