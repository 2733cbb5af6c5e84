// Certificates of a client that are replaced while it runs: whom it trusts, and what it shows.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFile, readFile } from 'node:fs/promises';
import { createSecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { tlsCredentials } from '@armada-ts/api/servers/tls-credentials';
import { Client } from '@grpc/grpc-js';
import { type Authority, type KeyPair, makeTestAuthority, replaceFile } from './certificates.ts';
import { temporaryDirectory } from './programs.ts';

interface Port extends AsyncDisposable {
  port: number;
  /** Names of the clients that have connected. */
  names: (string | undefined)[];
}

/** A server of this authority, which wants clients of it. */
async function listen(authority: Authority, port = 0): Promise<Port> {
  const shown = await authority.issue(`server-${port}`, { subject: '/CN=server', names: 'DNS:localhost' });
  const [ca, cert, key] = await Promise.all([
    readFile(authority.certFile),
    readFile(shown.certFile),
    readFile(shown.keyFile),
  ]);
  const server = createSecureServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true });
  const sessions = new Set<ServerHttp2Session>();
  const names: (string | undefined)[] = [];
  server.on('session', (session) => sessions.add(session.on('error', () => {})));
  server.on('secureConnection', (socket: TLSSocket) => names.push(socket.getPeerX509Certificate()?.subject));
  server.listen(port, 'localhost');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    names,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function ready(client: Client, withinMs: number): Promise<boolean> {
  return new Promise((resolve) => client.waitForReady(Date.now() + withinMs, (error) => resolve(!error)));
}

test('a client that runs trusts and shows what its files hold now', { timeout: 60_000 }, async (t) => {
  const directory = await temporaryDirectory(t);
  const place = (name: string): string => join(directory, name);
  const [old, next] = await Promise.all(['old', 'next'].map((name) => makeTestAuthority(directory, name)));
  assert.ok(old && next);
  const files = { caFile: place('ca'), certFile: place('cert'), keyFile: place('key') };
  const first: KeyPair = await old.issue('first', { subject: '/CN=first' });
  await copyFile(old.certFile, files.caFile);
  await copyFile(first.certFile, files.certFile);
  await copyFile(first.keyFile, files.keyFile);

  const before = await listen(old);
  const options = { 'grpc.max_reconnect_backoff_ms': 200, 'grpc.initial_reconnect_backoff_ms': 100 };
  const client = new Client(`localhost:${before.port}`, tlsCredentials(files), options);
  t.after(() => client.close());
  assert.ok(await ready(client, 5_000));
  assert.deepEqual(before.names, ['CN=first']);
  await before[Symbol.asyncDispose]();

  await using after = await listen(next, before.port);
  assert.equal(
    await ready(client, 1_000),
    false,
    'it trusts the old authority, and shows what the new one does not',
  );
  const second = await next.issue('second', { subject: '/CN=second' });
  await replaceFile(files.caFile, await readFile(next.certFile));
  await replaceFile(files.certFile, await readFile(second.certFile));
  await replaceFile(files.keyFile, await readFile(second.keyFile));
  assert.ok(await ready(client, 20_000));
  assert.deepEqual(after.names, ['CN=second']);
});
