// A server that takes tickets, by every door, with groups from a directory: what docs/security.md shows, tried.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { SubmitService } from '@armada-ts/api/api/submit';
import { connect } from '@armada-ts/client/connect';
import { ArmadaClientError } from '@armada-ts/client/errors';
import { kerberosAuthorization } from '@armada-ts/client/kerberos';
import { createQueue, getQueue } from '@armada-ts/client/queues';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { type Program, startProgram } from '../e2e/programs.ts';
import { shownUnder } from '../security-page.ts';
import { parse } from 'yaml';
import { startServer, writeSettings } from '../e2e/server.ts';
import type { Environment } from '../daemons.ts';
import {
  type Directory,
  group,
  GROUPS,
  ldapSettings,
  PEOPLE,
  person,
  READER,
  startDirectory,
} from './directory.ts';
import { type Realm, startRealm } from './realm.ts';
import { bareTokenFor, firstToken, MECHANISM, nextToken, tokenFor } from './tickets.ts';

const execute = promisify(execFile);
const opened = new AsyncDisposableStack();
let realm: Realm;
let directory: Directory;
let home: string;
let keytab: string;
let server: Awaited<ReturnType<typeof startServer>>;
let ann: Environment;
let bob: Environment;
/** By the name that tickets are for. */
let url: string;
let address: string;

before(async () => {
  home = await mkdtemp(join(tmpdir(), 'armada-kerberos-'));
  opened.defer(() => rm(home, { recursive: true, force: true }));
  realm = opened.use(await startRealm());
  for (const user of ['ann', 'bob']) await realm.addPrincipal(user, 'secret');
  await realm.addPrincipal('HTTP/localhost');
  keytab = await realm.keytab('HTTP/localhost');
  [ann, bob] = [await realm.ticket('ann', 'secret'), await realm.ticket('bob', 'secret')];
  directory = opened.use(
    await startDirectory([person('ann'), person('bob'), group('science', 'ann')].join('')),
  );
  Object.assign(process.env, realm.environment);
  server = await startServer(home, settings());
  opened.defer(async () => void (await server.kill('SIGTERM')));
  url = server.url.replace('127.0.0.1', 'localhost');
  address = server.address.replace('127.0.0.1', 'localhost');
});
after(() => opened.disposeAsync());

function settings() {
  return {
    auth: {
      schemes: ['kerberos', 'anonymous'],
      kerberos: {
        keytab,
        principals: ['HTTP/localhost@ARMADA.TEST'],
        realms: { 'ARMADA.TEST': {} },
        ldap: ldapSettings(directory),
      },
      permissionGroupMapping: { create_queue: ['science'] },
    },
  } satisfies Parameters<typeof startServer>[1];
}

/** What curl says to a request, with the tickets of a user. */
async function curl(user: Environment, ...parameters: string[]): Promise<{ code: number; text: string }> {
  const { stdout } = await execute('curl', ['-s', '-i', ...parameters], { env: { ...process.env, ...user } });
  const codes = [...stdout.matchAll(/^HTTP\/\S+ (\d+)/gm)];
  return { code: Number(codes.at(-1)?.[1]), text: stdout };
}

/** Waits for a program to end by itself, and gives its exit code. */
async function endOf({ process: child }: Program): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}

const negotiate = ['--negotiate', '-u', ':'];
const post = ['-X', 'POST', '-H', 'Content-Type: application/json', '-d'];

test('curl --negotiate makes a queue for who is in the group, and is told who is not', async () => {
  const made = await curl(
    ann,
    ...negotiate,
    ...post,
    '{"name":"by-curl","priorityFactor":1}',
    `${url}/v1/queue`,
  );
  assert.equal(made.code, 200, made.text);
  assert.match(made.text, /^www-authenticate: Negotiate \S{20,}/im, 'the proof of the server');
  const refused = await curl(
    bob,
    ...negotiate,
    ...post,
    '{"name":"by-bob","priorityFactor":1}',
    `${url}/v1/queue`,
  );
  assert.equal(refused.code, 403, refused.text);
  assert.match(refused.text, /user \\"bob\\" lacks the permission create_queue/);
});

test('an answer that is put together of two calls is whole, though no ticket is taken twice', async () => {
  const resources = { requests: { cpu: '1', memory: '1Gi' }, limits: { cpu: '1', memory: '1Gi' } };
  const podSpec = { containers: [{ name: 'only', image: 'busybox', resources }] };
  const job = { queue: 'by-curl', jobSetId: 'first', jobRequestItems: [{ namespace: 'default', podSpec }] };
  const submitted = await curl(ann, ...negotiate, ...post, JSON.stringify(job), `${url}/v1/job/submit`);
  assert.equal(submitted.code, 200, submitted.text);
  const { text } = await curl(ann, ...negotiate, `${url}/v1/queue/by-curl`);
  assert.match(text, /"activeJobSets":\[\{"name":"first"/);
});

test('over HTTP/2 and by Connect too', async () => {
  const { base64 } = await tokenFor(ann);
  const path = `${url}/api.Submit/GetQueue`;
  const asked = [...post, '{"name":"by-curl"}', '-H', `Authorization: Negotiate ${base64}`];
  const answer = await curl(ann, '--http2-prior-knowledge', ...asked, path);
  assert.equal(answer.code, 200, answer.text);
  assert.match(answer.text, /^www-authenticate: Negotiate \S{20,}/im);
});

test('credentials that are wrong never make somebody anonymous', async () => {
  const health = `${url}/v1/batched/queues`;
  assert.equal((await curl(ann, health)).code, 200, 'nobody is anonymous');
  const wrong = ['Negotiate', 'Negotiate YII=', 'NEGOTIATE TlRMTVNTUAABAAAA', 'Kerberos abc'];
  for (const each of wrong) {
    const { code, text } = await curl(ann, '-H', `Authorization: ${each}`, health);
    assert.equal(code, 401, each);
    assert.match(text, /^www-authenticate: Negotiate\r$/im, each);
  }
  const { base64 } = await tokenFor(ann);
  const twice = ['-H', `Authorization: Negotiate ${base64}`, '-H', 'Authorization: Negotiate abc'];
  assert.equal((await curl(ann, ...twice, health)).code, 401);
});

test('a negotiation of two steps goes on with the next request of its connection', async () => {
  const header = (token: Buffer) => ['-H', `Authorization: Negotiate ${token.toString('base64')}`];
  const path = `${url}/v1/queue/by-curl`;
  const bare = await bareTokenFor(ann);
  const first = [...header(firstToken([MECHANISM.kerberos])), path];
  const { text } = await curl(ann, ...first, '--next', '-s', '-i', ...header(nextToken(bare.bytes)), path);
  assert.match(text, /^HTTP\/1.1 401 [^]*^www-authenticate: Negotiate \S{20,}[^]*HTTP\/1.1 200/im);
});

test('the client library sends a ticket with every call', async () => {
  Object.assign(process.env, ann);
  using connection = connect({ address, authorization: kerberosAuthorization() });
  await createQueue(connection, { name: 'by-client', priorityFactor: 1 });
  assert.equal((await getQueue(connection, 'by-client')).name, 'by-client');
  process.env['KRB5CCNAME'] = join(home, 'no-tickets');
  await assert.rejects(getQueue(connection, 'by-client'), (error: ArmadaClientError) => {
    assert.equal(error.code, 'UNAUTHENTICATED');
    assert.match(
      error.message,
      /^no credentials for localhost:\d+: there is no Kerberos ticket for HTTP@localhost: /,
    );
    return true;
  });
});

test('armadactl sends tickets when its configuration says so', async () => {
  const config = join(home, 'armadactl.yaml');
  await writeFile(config, `armadaUrl: ${address}\nkerberosAuth: { enabled: true }\n`);
  const queue = ['create', 'queue', 'by-armadactl', '--config', config];
  const made = startProgram('armadactl/main.ts', queue, { ...process.env, ...ann });
  assert.equal(await endOf(made), 0, made.lines.join('\n'));
  const refused = startProgram('armadactl/main.ts', ['create', 'queue', 'no', '--config', config], {
    ...process.env,
    ...bob,
  });
  assert.notEqual(await endOf(refused), 0);
  assert.match(refused.lines.join('\n'), /lacks the permission create_queue/);
});

for (const [sent, algorithm] of [
  ['plainly', 0],
  ['packed', 2],
] as const) {
  test(`gRPC ${sent} has the proof in the headers of the answer, and what to do next in the trailers of a refusal`, async () => {
    const client = new Client(address, credentials.createInsecure(), {
      'grpc.default_compression_algorithm': algorithm,
    });
    const { path, requestSerialize, responseDeserialize } = SubmitService.getQueue;
    const call = (token: string) =>
      new Promise<{ headers: Metadata; error: ServiceError | null }>((resolve) => {
        const metadata = new Metadata();
        metadata.set('authorization', `Negotiate ${token}`);
        let headers = new Metadata();
        const request = { name: 'by-curl' };
        client
          .makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata, (error) =>
            resolve({ headers, error }),
          )
          .on('metadata', (sent) => (headers = sent));
      });
    try {
      const token = await tokenFor(ann);
      const { headers, error } = await call(token.base64);
      assert.equal(error, null);
      const [reply = ''] = headers.get('www-authenticate').map(String);
      assert.equal(await token.isProof(reply.slice('Negotiate '.length)), true);

      const again = await call(token.base64);
      assert.equal(again.error?.code, status.UNAUTHENTICATED);
      assert.deepEqual(again.error?.metadata.get('www-authenticate'), ['Negotiate']);

      const first = await call(firstToken([MECHANISM.kerberos]).toString('base64'));
      assert.equal(first.error?.code, status.UNAUTHENTICATED);
      assert.match(String(first.error?.metadata.get('www-authenticate')), /^Negotiate \S{20,}$/);
      const second = await call(nextToken((await bareTokenFor(ann)).bytes).toString('base64'));
      assert.equal(second.error, null);
    } finally {
      client.close();
    }
  });
}

test('a server as docs/security.md has it takes the command there, and knows the groups', async () => {
  const host = ['armada.example.com', 'localhost'] as const;
  const configured = await shownUnder('Kerberos', 'yaml', [
    host,
    ['EXAMPLE.COM', 'ARMADA.TEST'],
    ['/etc/armada/http.keytab', keytab],
    ['ldaps://ldap.example.com', directory.url],
    ['cn=armada,ou=services,dc=example,dc=com', READER],
    ['/etc/armada/ldap-password', directory.passwordFile],
    ['ou=people,dc=example,dc=com', PEOPLE],
    ['ou=groups,dc=example,dc=com', GROUPS],
  ]);
  const { auth } = parse(configured);
  // The directory's certificate is of an authority that the server's Node is told to trust.
  process.env['NODE_EXTRA_CA_CERTS'] = directory.authorityFile;
  const place = join(home, 'as-shown');
  const granted = { ...auth, permissionGroupMapping: { create_queue: ['science'] } };
  const shown = await startServer(place, { auth: granted });
  delete process.env['NODE_EXTRA_CA_CERTS'];
  try {
    const at = `http://localhost:${new URL(shown.url).port}`;
    const commands = await shownUnder('Kerberos', 'sh', [['https://armada.example.com:8080', at]]);
    const [command = ''] = /^curl --negotiate.*$/m.exec(commands) ?? [];
    const asked = `${command} -sS -o /dev/null -w '%{http_code}'`;
    const { stdout } = await execute('sh', ['-c', asked], { env: { ...process.env, ...ann } });
    assert.equal(stdout, '200');
    const queue = [...post, '{"name":"as-shown","priorityFactor":1}', `${at}/v1/queue`];
    assert.equal((await curl(ann, ...negotiate, ...queue)).code, 200);
    assert.equal((await curl(bob, ...negotiate, ...queue)).code, 403);
  } finally {
    await shown.kill('SIGTERM');
  }
});

test('a server without its keys does not start, and says why in one line', async () => {
  const elsewhere = join(home, 'elsewhere');
  const { auth } = settings();
  const wrong = { ...auth, kerberos: { ...auth.kerberos, keytab: 'nowhere.keytab' } };
  const file = await writeSettings(elsewhere, {
    auth: wrong,
    store: { url: `sqlite:${join(elsewhere, 'server')}` },
    grpc: { port: 0 },
    http: { port: 0 },
  });
  const program = startProgram('server/main.ts', ['--config', file]);
  await program.line(/auth\.schemes: kerberos cannot be used: the keytab nowhere\.keytab has no key of /);
  assert.equal(await endOf(program), 2);
});
