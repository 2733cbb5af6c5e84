// Who may operate: every method of the operator port, by every protocol, tried by everybody.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Client, Metadata } from '@grpc/grpc-js';
import { type AnyMethod, call, methodsOfContract } from './calls.ts';
import { callHttps, openOperatorClient, presenting } from './operator-calls.ts';
import { DESCRIBED, IDENTITY, OPERATOR_ROWS, type OperatorRow, PROBED } from './operator-rows.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { type OperatorAccess, operatorOf, startServer } from './server.ts';
import {
  authorization,
  authSettings,
  credentialsOf,
  GUESSED,
  ROLES,
  STRANGER,
  TOKEN_SETTINGS,
} from './users.ts';
import { webCall } from './web-calls.ts';

/** What the mapped code is by REST. */
const STATUSES: Readonly<Record<string, number>> = {
  OK: 200,
  NOT_FOUND: 404,
  PERMISSION_DENIED: 403,
  UNAUTHENTICATED: 401,
};

const directory = await temporaryDirectory({ after });
const methods = await methodsOfContract();
let server: Standalone;
let access: OperatorAccess;
let client: Client;

before(async () => {
  server = await startServer(directory, {
    // Whoever comes without credentials may do everything, but not here.
    auth: {
      ...authSettings([...ROLES, GUESSED]),
      ...operateForEveryone(),
      schemes: ['basic', 'token', 'anonymous'],
      token: TOKEN_SETTINGS,
    },
    store: { acknowledgement: 'local' },
  });
  access = await operatorOf(server, directory);
  client = openOperatorClient(access);
  // Whoever has been right from here is not refused for what strangers guess from here.
  const authorizations = ROLES.map(({ name }) => String(credentialsOf(name).get('authorization')[0]));
  for (const given of authorizations)
    await callHttps(access, { path: '/v1/operator/cluster/configuration', authorization: given });
});

after(async () => {
  client.close();
  await server.kill('SIGKILL');
});

/** Roles have what they have by groups of their own names; the anonymous are in `everyone` only. */
function operateForEveryone() {
  const { permissionGroupMapping = {} } = authSettings(ROLES);
  const { operate = [], ...others } = permissionGroupMapping;
  const everyone = Object.keys(others).map((one) => [one, ['everyone']] as const);
  return { permissionGroupMapping: { ...Object.fromEntries(everyone), operate } };
}

function methodOf({ path }: OperatorRow): AnyMethod {
  const method = methods.get(path);
  assert.ok(method, `the contract has no ${path}`);
  return method;
}

/** The code by gRPC, the status by REST, and the code by Connect and gRPC-Web. */
async function outcomes(row: OperatorRow, metadata: Metadata): Promise<[string, number, string, string]> {
  const [method, path, body] = row.rest;
  const [given] = metadata.get('authorization').map(String);
  const asked = { method: methodOf(row), request: row.request, metadata };
  const web = { ...asked, tls: { ca: Buffer.from(access.authority) } };
  const url = access.url.replace('127.0.0.1', 'localhost');
  const [byGrpc, { status }, byConnect, byGrpcWeb] = await Promise.all([
    call(client, asked.method, row.request, metadata),
    callHttps(access, { method, path, authorization: given, ...(body && { body }) }),
    webCall(url, 'Connect', web),
    webCall(url, 'gRPC-Web', web),
  ]);
  return [byGrpc.code, status, byConnect.code, byGrpcWeb.code];
}

/** What these are for a code. */
function everywhere(code: string): [string, number | undefined, string, string] {
  return [code, STATUSES[code], code, code];
}

test('the table has every method that the operator port offers, and no other', async () => {
  const offered: string[] = [];
  for (const [path, method] of methods) {
    const empty = { ...method, requestSerialize: () => Buffer.alloc(0) };
    const { code } = await call(client, empty, {}, new Metadata());
    const known = PROBED.includes(path) ? 'OK' : 'UNAUTHENTICATED';
    assert.ok(code === 'UNIMPLEMENTED' || code === known, `${path}: ${code}`);
    if (code !== 'UNIMPLEMENTED') offered.push(path);
  }
  const written = [...OPERATOR_ROWS, ...DESCRIBED, IDENTITY].map(({ path }) => path);
  assert.deepEqual([...new Set([...written, ...PROBED])].sort(), offered.sort());
});

test('tools are told what there is, and callers who they are, whoever is let in', async () => {
  for (const { path, request } of [...DESCRIBED, IDENTITY]) {
    const codeOf = async (metadata: Metadata): Promise<string> => {
      const method = methods.get(path);
      assert.ok(method);
      return (await call(client, method, request, metadata)).code;
    };
    assert.equal(await codeOf(new Metadata()), 'UNAUTHENTICATED', path);
    assert.equal(await codeOf(presenting(access)), 'OK', path);
    for (const { name } of ROLES) assert.equal(await codeOf(credentialsOf(name)), 'OK', `${path} by ${name}`);
  }
});

test('the bearer of the first token is told who they are, and that they may operate', async () => {
  const { authorization: bearer } = access;
  const { status, body } = await callHttps(access, { path: '/v1/identity', authorization: bearer });
  assert.equal(status, 200);
  const { permissions, ...told } = body ?? {};
  assert.ok(Array.isArray(permissions) && permissions.includes('operate'));
  const acceptedSchemes = ['operator-token', 'basic', 'token'];
  assert.deepEqual(told, {
    name: 'operator',
    groups: ['everyone'],
    scheme: 'operator-token',
    acceptedSchemes,
  });
});

test('nobody operates without credentials or with wrong ones, not even where anonymous is let in', async () => {
  const wrong = new Map([
    ['none', new Metadata()],
    ['another token', authorization(`${access.authorization.slice(0, -4)}AAAA`)],
    ['half a token', authorization(access.authorization.slice(0, -4))],
    ['a token of another kind', authorization('Bearer eyJhbGciOiJub25lIn0.e30.')],
    ['the token as a password', authorization(access.authorization.replace('Bearer', 'Basic'))],
  ]);
  for (const row of OPERATOR_ROWS) {
    for (const [what, metadata] of wrong) {
      const expected = everywhere('UNAUTHENTICATED');
      assert.deepEqual(await outcomes(row, metadata), expected, `${row.path} with ${what}`);
    }
    // After a few of them, guesses are not even looked at.
    const [code] = await outcomes(row, credentialsOf(GUESSED.name, 'guessed'));
    assert.ok(['UNAUTHENTICATED', 'RESOURCE_EXHAUSTED'].includes(code), `${row.path}: ${code}`);
  }
  const { headers } = await callHttps(access, { path: '/version' });
  assert.equal(
    headers['www-authenticate'],
    'Bearer realm="armada operator", Basic realm="armada", charset="UTF-8", Bearer realm="armada"',
  );
});

test('whoever lacks the permission is refused by every method', async () => {
  for (const row of OPERATOR_ROWS) {
    const refused = ROLES.filter(({ permissions }) => !permissions.includes('operate'));
    for (const { name } of refused) {
      const { code } = await call(client, methodOf(row), row.request, credentialsOf(name));
      assert.equal(code, 'PERMISSION_DENIED', `${row.path} by ${name}`);
    }
    // Who it is makes no difference to the protocols.
    const told = await outcomes(row, credentialsOf(STRANGER.name));
    assert.deepEqual(told, everywhere('PERMISSION_DENIED'), row.path);
  }
});

test('whoever has the permission, or the first token, is served by every method', async () => {
  const operators = ROLES.filter(({ permissions }) => permissions.includes('operate'));
  assert.ok(operators.length >= 2);
  const allowed = new Map([
    ...operators.map(({ name }) => [name, credentialsOf(name)] as const),
    ['the first token', presenting(access)] as const,
  ]);
  for (const row of OPERATOR_ROWS) {
    for (const [who, metadata] of allowed) {
      const expected = everywhere(row.code);
      assert.deepEqual(await outcomes(row, metadata), expected, `${row.path} by ${who}`);
    }
  }
});

test('of the pages only those are for everybody that tell nothing of jobs, users and servers', async () => {
  const statuses = async (path: string): Promise<number[]> => {
    const answers = [undefined, credentialsOf('stranger'), presenting(access)].map((metadata) => {
      const [given] = metadata?.get('authorization').map(String) ?? [];
      return callHttps(access, { path, authorization: given });
    });
    return (await Promise.all(answers)).map(({ status }) => status);
  };
  assert.deepEqual(await statuses('/metrics'), [401, 403, 200]);
  for (const path of ['/health', '/ready', '/api/openapi.json', '/api/swagger.json']) {
    assert.deepEqual(await statuses(path), [200, 200, 200], path);
  }
  for (const path of ['/', '/v1/keys', '/v1/queue/q1']) {
    assert.deepEqual(await statuses(path), [404, 404, 404], path);
  }
});

test('the first token is of no use on the other ports', async () => {
  const { status } = await fetch(`${server.url}/v1/queue/none`, {
    headers: { authorization: access.authorization },
  });
  assert.equal(status, 401);
});
