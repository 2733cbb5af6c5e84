// Access keys and the keyring by armadactl, and tokens in place of passwords.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { EventService } from '@armada-ts/api/api/event';
import { accessKeyAuthorization, connect, createQueue, listAccessKeys } from '@armada-ts/client';
import { stringify } from 'yaml';
import { type LocalServer, startLocalServer } from './in-process.ts';
import { armadactl, root, temporaryDirectory } from './programs.ts';
import { authSettings, OPERATOR, OWNER, passwordOf, TOKEN_SETTINGS } from './users.ts';

const directory = await temporaryDirectory({ after });
const config = join(directory, 'armadactl.yaml');
let server: LocalServer;

before(async () => {
  server = await startLocalServer(directory, {
    auth: { ...authSettings([OPERATOR, OWNER]), schemes: ['basic', 'token'], token: TOKEN_SETTINGS },
  });
  await writeContexts({});
});

after(async () => {
  await server[Symbol.asyncDispose]();
});

async function writeContexts(more: object): Promise<void> {
  const basic = ({ name }: { name: string }) => ({
    basicAuth: { username: name, password: passwordOf(name) },
  });
  await writeFile(
    config,
    stringify({ contexts: { owner: basic(OWNER), operator: basic(OPERATOR), ...more } }),
  );
}

/** What a command prints that must succeed. */
async function done(context: string, ...args: string[]): Promise<string> {
  const address = args[0] === 'keyring' ? server.access.address : server.app.grpcAddress;
  const { code, stdout, stderr } = await armadactl(
    address,
    '--config',
    config,
    '--context',
    context,
    ...args,
  );
  assert.equal(code, 0, `${args.join(' ')}: ${stderr}`);
  return stdout;
}

async function newPair(): Promise<{ accessKey: string; secret: string }> {
  const { accessKey, secret } = JSON.parse(await done('owner', 'key', 'create', 'nightly', '-o', 'json'));
  return { accessKey, secret };
}

test('keys are made, listed, exchanged, disabled and deleted', async () => {
  const { accessKey, secret } = await newPair();
  assert.match(await done('owner', 'key', 'list'), new RegExp(`${accessKey} +yes .* nightly`));
  assert.equal(await done('operator', 'key', 'list', '--owner', OWNER.name, '-o', 'name'), `${accessKey}\n`);
  const secretFile = join(directory, 'secret');
  await writeFile(secretFile, `${secret}\n`);
  const exchange = ['key', 'token', accessKey, '--secret-file', secretFile];
  assert.match(await done('owner', ...exchange), /^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  assert.match(await done('operator', 'key', 'disable', accessKey), /Disabled access key/);
  assert.match(await done('owner', 'key', 'list'), new RegExp(`${accessKey} +no `));
  await assert.rejects(done('owner', ...exchange), /disabled/);
  await done('owner', 'key', 'enable', accessKey);
  await done('owner', ...exchange);
  await done('owner', 'key', 'delete', accessKey);
  assert.equal(await done('owner', 'key', 'list', '-o', 'name'), '');
});

test('a context may have an access key, which is exchanged as needed and never shown', async () => {
  const pair = await newPair();
  await writeContexts({ program: { accessKeyAuth: pair } });
  assert.equal(await done('program', 'key', 'list', '-o', 'name'), `${pair.accessKey}\n`);
  assert.ok(!(await done('program', 'config', 'view')).includes(pair.secret));
  const wrong = { ...pair, secret: pair.secret.slice(1) };
  await writeContexts({ program: { accessKeyAuth: wrong } });
  await assert.rejects(done('program', 'key', 'list'), /the access key or its secret is wrong/);
  await done('owner', 'key', 'delete', pair.accessKey);
});

test('accessKeyAuthorization() exchanges once for many calls, and again after a failure', async () => {
  const pair = await newPair();
  const { grpcAddress: address } = server.app;
  const authorization = accessKeyAuthorization(pair);
  const [one, other] = await Promise.all([authorization(address), authorization(address)]);
  assert.equal(one, other);
  assert.equal(await authorization(address), one);
  using connection = connect({ address, authorization });
  assert.equal((await listAccessKeys(connection)).length, 1);
  const late = accessKeyAuthorization(pair);
  await assert.rejects(late('127.0.0.1:1'), { code: 'UNAVAILABLE' });
  assert.match(await late(address), /^Bearer /);
  await done('owner', 'key', 'delete', pair.accessKey);
});

test('a program with an access key goes on when all its tokens are ended', async () => {
  const pair = await newPair();
  const { grpcAddress: address } = server.app;
  using connection = connect({ address, authorization: accessKeyAuthorization(pair) });
  const basicAuth = { username: OPERATOR.name, password: passwordOf(OPERATOR.name) };
  using operator = connect({ address, basicAuth });
  await createQueue(operator, { name: 'watched', userOwners: [OWNER.name] });
  await listAccessKeys(connection);
  const watch = connection.stream(EventService.getJobSetEvents, {
    queue: 'watched',
    id: 'set',
    watch: true,
    fromMessageId: '',
    errorIfMissing: false,
  });
  const ended = assert.rejects(watch.next(), { code: 'UNAUTHENTICATED' });
  const withToken = ['--ca', join(directory, 'operator/ca.pem')];
  const [first = ''] = (await done('operator', 'keyring', 'list', ...withToken, '-o', 'name')).split('\n');
  const id = (await done('operator', 'keyring', 'install', ...withToken, '-o', 'name')).trim();
  await done('operator', 'keyring', 'use', id, ...withToken);
  await done('operator', 'keyring', 'remove', first, '--force', ...withToken);
  await ended;
  // The refusal of the stream was enough: this call has another token already.
  assert.equal((await listAccessKeys(connection)).length, 1);
  await done('owner', 'key', 'delete', pair.accessKey);
});

test('the keyring is changed by whoever operates, with the operator token too', async () => {
  const operatorDirectory = join(directory, 'operator');
  const trust = ['--ca', join(operatorDirectory, 'ca.pem')];
  const withToken = [...trust, '--token-file', join(operatorDirectory, 'token')];
  const [first = ''] = (await done('operator', 'keyring', 'list', ...trust, '-o', 'name')).split('\n');
  const keyFile = join(directory, 'signing-key');
  await writeFile(keyFile, Buffer.alloc(32, 3).toString('base64'));
  const install = ['keyring', 'install', ...withToken, '--key-file', keyFile, '-o', 'name'];
  const id = (await done('owner', ...install)).trim();
  assert.equal((await done('owner', ...install)).trim(), id);
  await done('owner', 'keyring', 'use', id, ...withToken);
  assert.match(await done('operator', 'keyring', 'list', ...trust), new RegExp(`${id} +\\* +1/1 `));
  await assert.rejects(done('operator', 'keyring', 'remove', id, ...trust), /is the primary one/);
  await assert.rejects(done('operator', 'keyring', 'remove', first, ...trust), /are good until/);
  await done('operator', 'keyring', 'remove', first, '--force', ...trust);
  assert.equal(await done('operator', 'keyring', 'list', ...trust, '-o', 'name'), `${id}\n`);
  await assert.rejects(done('owner', 'keyring', 'list', ...trust), /lacks the permission operate/);
});

test('what docs/security.md shows of access keys works', async (t) => {
  const page = await readFile(join(root, 'docs/security.md'), 'utf8');
  const [, block = ''] = /<!-- access-keys\b[^>]*-->\n```sh\n([\s\S]*?)```/.exec(page) ?? [];
  const { grpcAddress, httpUrl } = server.app;
  const program = `${join(root, 'armadactl/bin/armadactl')} --armadaUrl ${grpcAddress}`;
  const commands = [
    `armadactl() { ${program} --config ${config} --context ${OWNER.name} "$@"; }`,
    block.replaceAll('https://armada.example.com:8080', httpUrl),
  ];
  const cwd = await temporaryDirectory(t);
  const { stdout } = await promisify(execFile)('sh', ['-ec', commands.join('\n')], { cwd });
  const [key] = JSON.parse(stdout).keys;
  assert.equal(key.description, 'nightly import');
  await done('owner', 'key', 'delete', key.id);
});
