// Client certificates that are trusted no longer, at a real server: taken back by a
// list of their authority, and of an authority that is taken out. On every port, for
// connections that are open, and for nobody else.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventService } from '@armada-ts/api/api/event';
import { type Connection, connect, createQueue, getQueue } from '@armada-ts/client';
import { type Authority, curl, type KeyPair, makeTestAuthority, replaceFile } from './certificates.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { operatorOf, startServer } from './server.ts';
import { answered } from './tls-probes.ts';
import { authSettings, OPERATOR, passwordOf } from './users.ts';

/** Nobody goes on for longer with what they have lost. */
const BOUND_MS = 5_000;
/** For what is given back, which nobody promises so soon. */
const MAX_WAIT_MS = 30_000;

const directory = await temporaryDirectory({ after });
const revokedFile = join(directory, 'revoked.pem');
const trustedFile = join(directory, 'trusted.pem');
const byPassword = { username: OPERATOR.name, password: passwordOf(OPERATOR.name) };

let ours: Authority;
let others: Authority;
let server: Standalone;
let operatorUrl: string;
let lost: KeyPair;
let kept: KeyPair;
let foreign: KeyPair;

before(async () => {
  [ours, others] = (await Promise.all(
    ['ours', 'others'].map((name) => makeTestAuthority(directory, name)),
  )) as [Authority, Authority];
  const subject = '/OU=operator/CN=olga';
  const shown = await ours.issue('server', { subject: '/CN=armada', names: 'DNS:localhost,IP:127.0.0.1' });
  lost = await ours.issue('lost', { subject });
  kept = await ours.issue('kept', { subject });
  foreign = await others.issue('foreign', { subject });
  await trust(ours, others);
  await replaceFile(revokedFile, await readFile(await ours.revoke()));
  server = await startServer(directory, {
    tls: {
      certificateFile: shown.certFile,
      keyFile: shown.keyFile,
      clients: { authorityFile: trustedFile, revokedFile },
    },
    auth: {
      ...authSettings([OPERATOR]),
      schemes: ['mtls', 'basic', 'anonymous'],
      mtls: { principals: [{ from: 'commonName', pattern: '*', groupsFrom: 'organizationalUnit' }] },
    },
    store: { acknowledgement: 'local' },
    logLevel: 'info',
  });
  operatorUrl = (await operatorOf(server, directory)).url;
});
after(() => server.kill('SIGKILL'));

async function trust(...authorities: readonly Authority[]): Promise<void> {
  const texts = await Promise.all(authorities.map(({ certFile }) => readFile(certFile, 'utf8')));
  await replaceFile(trustedFile, texts.join(''));
}

const portOf = (url: string): string => url.slice(url.lastIndexOf(':') + 1);

function open(pair: KeyPair, more: { basicAuth?: typeof byPassword } = {}): Connection {
  const tls = { caFile: ours.certFile, ...pair };
  const address = `localhost:${portOf(server.address)}`;
  return connect({ address, retryForMs: 0, connectTimeoutMs: 500, tls, ...more });
}

/** What becomes of somebody who reads as long as they may. */
function watching(connection: Connection): Promise<string> {
  const wanted = { queue: 'q', id: 'set', watch: true, fromMessageId: '', errorIfMissing: false };
  const stream = connection.stream(EventService.getJobSetEvents, wanted);
  return stream.next().then(
    () => 'ended',
    () => 'failed',
  );
}

/** How every port answers a new connection. */
async function answers({ certFile, keyFile }: KeyPair): Promise<string[]> {
  using connection = open({ certFile, keyFile });
  const grpc = await getQueue(connection, 'q').then(
    () => 'OK',
    (error: { code: unknown }) => String(error.code),
  );
  const showing = ['--cert', certFile, '--key', keyFile];
  const at = `https://localhost:${portOf(server.url)}/v1/queue/q`;
  const rest = await curl('--cacert', ours.certFile, ...showing, at);
  const trusting = ['--cacert', join(directory, 'operator/ca.pem')];
  const operator = await curl(...trusting, ...showing, `https://localhost:${portOf(operatorUrl)}/version`);
  return [grpc, rest.status, operator.status];
}

const GOOD = ['OK', '200', '200'];

function isRefused([grpc, rest, operator]: string[]): boolean {
  return grpc === 'UNAVAILABLE' && [rest, operator].every((status) => status?.startsWith('exit'));
}

/** Streams over gRPC and REST of somebody who is about to be refused, and one of somebody who is not. */
async function openStreams(losing: KeyPair) {
  const connections = [open(losing), open(losing, { basicAuth: byPassword }), open(kept)];
  const [byCertificate, withPassword, keeping] = connections.map(watching);
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 1,
    ca: await readFile(ours.certFile),
    cert: await readFile(losing.certFile),
    key: await readFile(losing.keyFile),
  });
  const url = `https://localhost:${portOf(server.url)}/v1/queue/q`;
  await answered(url, agent);
  const restEnds = (async () => {
    for (;;) {
      await answered(url, agent).catch(() => assert.fail('refused'));
      await sleep(50);
    }
  })().catch(() => 'refused');
  await sleep(200);
  return {
    losing: [byCertificate, withPassword, restEnds],
    keeping,
    [Symbol.dispose]() {
      for (const connection of connections) connection.close();
      agent.destroy();
    },
  };
}

async function endings(streams: readonly (Promise<string> | undefined)[]): Promise<string[]> {
  const late = sleep(BOUND_MS, 'still open', { ref: false });
  return await Promise.all(streams.map((end) => Promise.race([end ?? 'none', late])));
}

test('a certificate that its authority takes back is refused on every port, also where it is in use', async () => {
  using maker = open(kept);
  await createQueue(maker, { name: 'q' });
  assert.deepEqual(await answers(lost), GOOD);
  using streams = await openStreams(lost);
  await replaceFile(revokedFile, await readFile(await ours.revoke(lost)));
  assert.deepEqual(await endings(streams.losing), ['failed', 'failed', 'refused']);
  assert.ok(isRefused(await answers(lost)), 'it is let in again');
  assert.deepEqual(await answers(kept), GOOD);
  assert.equal(await Promise.race([streams.keeping, sleep(300, 'open')]), 'open');
  await server.line(/clients whose certificates count no longer were let go/);

  // What cannot be used changes nothing.
  await replaceFile(revokedFile, 'no list\n');
  await server.line(/revokedFile.*certificates cannot be read again/);
  assert.ok(isRefused(await answers(lost)), 'a broken list lets in whom the last one did not');
  await replaceFile(revokedFile, await readFile(await ours.revoke()));
  const givenBackAtMs = performance.now();
  while (isRefused(await answers(lost))) {
    assert.ok(performance.now() - givenBackAtMs < MAX_WAIT_MS, 'who is on no list any more is still refused');
    await sleep(100);
  }
});

test('clients of an authority that is trusted no longer are let go', async () => {
  assert.deepEqual(await answers(foreign), GOOD);
  using streams = await openStreams(foreign);
  await trust(ours);
  assert.deepEqual(await endings(streams.losing), ['failed', 'failed', 'refused']);
  assert.ok(isRefused(await answers(foreign)), 'it is let in again');
  assert.equal(await Promise.race([streams.keeping, sleep(300, 'open')]), 'open');
});
