// A server that lets in whoever shows nothing: whoever shows anything else than good credentials, however they
// write it, is nobody on every door, and on the operator port too.
import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import {
  type ClientHttp2Session,
  type ClientSessionOptions,
  connect,
  type IncomingHttpHeaders,
} from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { after, before, test } from 'node:test';
import { SubmitService } from '@armada-ts/api/api/submit';
import { ClusterServiceService } from '@armada-ts/api/armada/operator/v1/cluster';
import { PERMISSIONS } from '@armada-ts/server/auth/permissions';
import { status } from '@grpc/grpc-js';
import { framed } from '../faults/raw-grpc.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { type OperatorAccess, operatorOf, startServer } from './server.ts';
import { authSettings, credentialsOf, OPERATOR, TOKEN_SETTINGS } from './users.ts';

type Headers = readonly (readonly [name: string, value: string])[];

const right = String(credentialsOf(OPERATOR.name).get('authorization')[0]);
const wrong = String(credentialsOf(OPERATOR.name, 'guessed').get('authorization')[0]);

const one = (value: string): Headers => [['authorization', value]];
/** Over every protocol. */
const SHOWN: readonly Headers[] = [
  ...[
    '',
    ' ',
    'Basic',
    'basic ',
    'Basic !!!',
    'Bearer',
    'bEaReR x',
    'Bearer a.b.c',
    'Negotiate',
    'NTLM abc',
  ].map(one),
  ...['Digest a="b"', 'Kerberos abc', 'KubernetesAuth e30=', 'anonymous', 'None', 'null', 'Basic\tYTpi'].map(
    one,
  ),
  ...[wrong, right.toUpperCase(), `${right}x`, `${right}, ${right}`, `Basic ${right}`, right.slice(6)].map(
    one,
  ),
  [...one(right), ...one(right)],
  [...one(right), ...one('')],
  [...one(''), ...one(right)],
  [...one(wrong), ...one(right)],
  [...one('Digest x'), ...one('Bearer y')],
];
/** Where names of headers may be written in any way, and carry metadata. */
const SHOWN_BY_REST: readonly Headers[] = [
  [['AUTHORIZATION', 'Digest x']],
  [['aUtHoRiZaTiOn', wrong]],
  [['Grpc-Metadata-Authorization', wrong]],
  [['grpc-metadata-authorization', '']],
  [
    ['Authorization', right],
    ['Grpc-Metadata-Authorization', right],
  ],
];

const directory = await temporaryDirectory({ after });
const opened = new AsyncDisposableStack();
let server: Standalone;
let access: OperatorAccess;
let users: ClientHttp2Session;
let operators: ClientHttp2Session;
let overHttp2: ClientHttp2Session;

before(async () => {
  const auth = authSettings([OPERATOR]);
  server = await startServer(directory, {
    auth: {
      ...auth,
      schemes: ['anonymous', 'token', 'basic'],
      token: TOKEN_SETTINGS,
      permissionGroupMapping: Object.fromEntries(PERMISSIONS.map((permission) => [permission, ['everyone']])),
    },
  });
  opened.defer(async () => void (await server.kill('SIGKILL')));
  access = await operatorOf(server, directory);
  // What no client library would send.
  const lax = {
    strictSingleValueFields: false,
    strictFieldWhitespaceValidation: false,
  } as ClientSessionOptions;
  users = connect(`http://${server.address}`, lax);
  overHttp2 = connect(server.url, lax);
  operators = connect(`https://${access.address}`, { ...lax, ca: access.authority, servername: 'localhost' });
  for (const session of [users, operators, overHttp2]) opened.defer(() => session.destroy());
});
after(() => opened.disposeAsync());

/** The code of a call, by gRPC. */
async function byGrpc(session: ClientHttp2Session, path: string, shown: Headers): Promise<string> {
  const fixed = [':method', 'POST', ':path', path, 'content-type', 'application/grpc', 'te', 'trailers'];
  const stream = session.request([...fixed, ...shown.flat()] as never);
  let code = '';
  const note = (headers: IncomingHttpHeaders): void => {
    code = String(headers['grpc-status'] ?? code);
  };
  stream.on('response', note).on('trailers', note);
  stream.end(framed(Buffer.alloc(0)));
  for await (const _ of stream) void _;
  return status[Number(code)] ?? code;
}

async function byHttp2(path: string, shown: Headers): Promise<number> {
  const stream = overHttp2.request([':method', 'GET', ':path', path, ...shown.flat()] as never);
  const [headers] = await new Promise<[Record<string, unknown>]>((resolve, reject) =>
    stream.on('response', (...args) => resolve(args as never)).on('error', reject),
  );
  stream.resume();
  return Number(headers[':status']);
}

/** The status of a request, by HTTP/1.1. */
function byHttp(request: string, shown: Headers): Promise<number> {
  const [method = '', path = '', body = ''] = request.split(' ');
  const isOperators = /^\/(metrics|v1\/operator)/.test(path);
  const { url, ...tls } = isOperators
    ? { url: access.url, ca: access.authority, servername: 'localhost' }
    : { url: server.url };
  const typed =
    body === '' ? [] : ['content-type', 'application/json', 'content-length', String(body.length)];
  const headers = ['host', 'localhost', ...typed, ...shown.flat()];
  return new Promise((resolve, reject) => {
    const ask = isOperators ? httpsRequest : httpRequest;
    const sent = ask(
      new URL(path, url),
      { method, headers: headers as never, agent: false, ...tls },
      (answer) => {
        answer.resume();
        resolve(answer.statusCode ?? 0);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

const REST = ['GET /v1/batched/queues', 'POST /v1/queue {"name":"made","priorityFactor":1}'];
const CONNECT = 'POST /api.Submit/Health {}';
const OPERATORS = ['GET /metrics', 'GET /v1/operator/cluster/configuration'];
const HEALTH = SubmitService.health.path;
const VERSION = ClusterServiceService.getVersion.path;

test('whoever shows nothing is anonymous, and on the operator port nobody', async () => {
  for (const request of [...REST, CONNECT]) assert.equal(await byHttp(request, []), 200, request);
  for (const request of OPERATORS) assert.equal(await byHttp(request, []), 401, request);
  assert.equal(await byGrpc(users, HEALTH, []), 'OK');
  assert.equal(await byGrpc(operators, VERSION, []), 'UNAUTHENTICATED');
  assert.equal(await byHttp2('/v1/batched/queues', []), 200);
});

test('whoever shows the right thing is who they are, everywhere', async () => {
  for (const request of [REST[0] ?? '', CONNECT, ...OPERATORS]) {
    assert.equal(await byHttp(request, one(right)), 200, request);
  }
  assert.equal(await byGrpc(users, HEALTH, one(right)), 'OK');
  assert.equal(await byGrpc(operators, VERSION, one(right)), 'OK');
});

test('whoever shows anything else is refused, everywhere', async () => {
  // Those who guess too often are told so instead, and are let in no more than others.
  const refusals = new Set<unknown>([401, 429, 'UNAUTHENTICATED', 'RESOURCE_EXHAUSTED']);
  const seen = new Map<unknown, number>();
  const refused = (answer: unknown, what: string): void => {
    seen.set(answer, (seen.get(answer) ?? 0) + 1);
    assert.ok(refusals.has(answer), `${what}: ${String(answer)}`);
  };
  for (const shown of SHOWN) {
    const what = JSON.stringify(shown);
    for (const request of [...REST, CONNECT, ...OPERATORS])
      refused(await byHttp(request, shown), `${request} ${what}`);
    refused(await byHttp2('/v1/batched/queues', shown), `HTTP/2 ${what}`);
    refused(await byGrpc(users, HEALTH, shown), `gRPC ${what}`);
    refused(await byGrpc(operators, VERSION, shown), `operators, gRPC ${what}`);
  }
  for (const shown of SHOWN_BY_REST) {
    for (const request of REST) refused(await byHttp(request, shown), `${request} ${JSON.stringify(shown)}`);
  }
  assert.ok((seen.get(401) ?? 0) > 100 && (seen.get('UNAUTHENTICATED') ?? 0) > 30, JSON.stringify([...seen]));
});
