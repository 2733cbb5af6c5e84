import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { after, test } from 'node:test';
import { connect } from './connect.ts';
import { getQueue } from './queues.ts';

/** Something else than Armada, or nothing that speaks. */
async function listen(greeting: string): Promise<string> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).write(greeting);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as net.AddressInfo).port}`;
}

test('who cannot be reached is told, each address with its reason', async () => {
  const [other, silent] = [await listen('220 mail.example.com\r\n'), await listen('')];
  const address = `127.0.0.1:1,${other},${silent}`;
  using connection = connect({ address, connectTimeoutMs: 1_000 });
  await assert.rejects(getQueue(connection, 'demo'), {
    code: 'UNAVAILABLE',
    unreachable: true,
    message: new RegExp(
      `^cannot reach any server: 127\\.0\\.0\\.1:1 \\(connect ECONNREFUSED 127\\.0\\.0\\.1:1\\), ` +
        `${other} \\(Protocol error\\), ${silent} \\(no connection within 1000 ms\\)$`,
    ),
  });
});
