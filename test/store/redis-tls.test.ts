import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import { createDirectory, redisCli, startRedis, SYNCED } from './redis.servers.ts';

const run = promisify(execFile);
const CHILD = fileURLToPath(new URL('./redis-tls-child.ts', import.meta.url));

/** The rights that docs/operating-redis.md names. */
const RIGHTS =
  '~armada:* &armada:log +@read +@write +@connection +@scripting +publish +subscribe +info +wait +config|get +cluster|slots +cluster|info';

test('TLS, and a user who may do no more than is needed', { timeout: 60_000 }, async (t) => {
  const directory = await createDirectory();
  const [key, certificate] = [join(directory, 'key.pem'), join(directory, 'certificate.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    certificate,
  ];
  await run('openssl', [...made, ...subject]);
  const port = await freePort();
  const tls = ['--tls-port', String(port), '--tls-cert-file', certificate, '--tls-key-file', key];
  const redis = await startRedis(directory, [
    ...SYNCED,
    ...tls,
    '--tls-ca-cert-file',
    certificate,
    '--tls-auth-clients',
    'no',
  ]);
  t.after(() => redis.kill());
  await redisCli(redis.port, 'acl', 'setuser', 'armada', 'on', '>secret', ...RIGHTS.split(' '));
  const flags = ['--conditions=source', '--disable-warning=ExperimentalWarning', CHILD];
  const open = (url: string, ca: string) =>
    run(process.execPath, [...flags, url], { env: { ...process.env, NODE_EXTRA_CA_CERTS: ca } });

  const { stdout } = await open(`rediss://armada:secret@localhost:${port}`, certificate);
  assert.equal(stdout, `redis localhost:${port} synced 1\n`);
  await assert.rejects(open(`rediss://armada:secret@localhost:${port}`, ''), /self-signed certificate/);
  await assert.rejects(open(`rediss://armada:wrong@localhost:${port}`, certificate), /WRONGPASS/);
});
