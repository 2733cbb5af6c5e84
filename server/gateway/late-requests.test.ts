import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { KeyServiceService } from '@armada-ts/api/armada/auth/v1/keys';
import { type Service, unary } from '../door/method.ts';
import { openPort } from './testing/ports.ts';

const { createToken } = KeyServiceService;
const keys: Service = {
  definition: { createToken },
  methods: { createToken: unary('anyone', () => ({ token: 'token', expires: undefined })) },
};

test('whoever need not say who they are is given little time to say what they want', async () => {
  await using port = await openPort({ services: [keys] });
  const waits = ['/v1/key/token', '/armada.auth.v1.KeyService/CreateToken'].map(async (path) => {
    const socket = connect(port.port, '127.0.0.1');
    const headers = 'host: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{';
    socket.write(`POST ${path} HTTP/1.1\r\n${headers}`);
    const beganMs = performance.now();
    socket.on('error', () => {}).resume();
    await Promise.race([once(socket, 'data'), once(socket, 'close')]);
    const tookMs = performance.now() - beganMs;
    socket.destroy();
    assert.ok(tookMs < 5_000, `${path}: ${tookMs} ms`);
  });
  await Promise.all(waits);
});
