// Servers with access keys and tokens, as programs reach them: by REST and gRPC, one alone or two of one store.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { Client, credentials } from '@grpc/grpc-js';
import { SubmitService } from '@armada-ts/api/api/submit';
import type { ConfigInput } from '@armada-ts/server/config';
import { createDirectory, startRedis } from '../store/redis.servers.ts';
import { type AnyMethod, call } from './calls.ts';
import { callHttps, type HttpsAnswer } from './operator-calls.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { type OperatorAccess, operatorOf, startServer } from './server.ts';
import { ready } from './server-group.ts';
import { authorization, authSettings, credentialsOf, OPERATOR, OWNER, STRANGER } from './users.ts';

/** A server with basic and tokens, and how to get in by its operator port. */
export interface KeyServer extends Standalone {
  access: OperatorAccess;
  client: Client;
}

export const encryptionKey = randomBytes(32).toString('base64');

/** Settings of the server, and what of `auth` is not as always. */
export type KeySettings = Partial<ConfigInput> & { token?: object; schemes?: ConfigInput['auth']['schemes'] };

/** Starts a server that keeps everything in `directory`. */
export async function startKeyServer(
  t: { after(fn: () => Promise<void>): void },
  directory: string,
  { token = {}, schemes = ['basic', 'token'], ...settings }: KeySettings = {},
): Promise<KeyServer> {
  const auth = authSettings([OPERATOR, OWNER, STRANGER]);
  const server = await startServer(directory, {
    logLevel: 'debug',
    ...settings,
    auth: { ...auth, schemes, token: { encryptionKey, ...token } },
  });
  const client = new Client(server.address, credentials.createInsecure());
  t.after(async () => {
    client.close();
    await server.kill('SIGKILL');
  });
  return { ...server, client, access: await operatorOf(server, directory) };
}

interface KeyInfo {
  id: string;
  description: string;
  disabled?: boolean;
}

interface RestAnswer {
  status: number;
  /** As far as the answer has it. */
  body: { key: KeyInfo; keys: KeyInfo[]; secret: string; token: string };
}

export async function rest(
  { url }: Standalone,
  request: string,
  as = '',
  body?: object,
): Promise<RestAnswer> {
  const [method = '', path = ''] = request.split(' ');
  const headers = { ...(as && { authorization: as }), ...(body && { 'content-type': 'application/json' }) };
  const answer = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  return { status: answer.status, body: (await answer.json().catch(() => ({}))) as RestAnswer['body'] };
}

export const asOwner = String(credentialsOf(OWNER.name).get('authorization')[0]);
export const asOperator = String(credentialsOf(OPERATOR.name).get('authorization')[0]);

export async function newKey(
  server: Standalone,
  as = asOwner,
): Promise<{ accessKey: string; secret: string }> {
  const { status, body } = await rest(server, 'POST /v1/keys', as, { description: 'of a test' });
  assert.equal(status, 200, JSON.stringify(body));
  return { accessKey: body.key.id, secret: body.secret };
}

export async function newToken(server: Standalone, pair: object): Promise<string> {
  const { status, body } = await rest(server, 'POST /v1/key/token', '', pair);
  assert.equal(status, 200, JSON.stringify(body));
  return `Bearer ${body.token}`;
}

/** How a call is answered that anybody may make who is let in. */
export const known = async ({ client }: KeyServer, as: string): Promise<string> =>
  (await call(client, SubmitService.health as AnyMethod, {}, authorization(as))).code;

/** Two servers of one Redis, as processes of their own. */
export interface KeyServers {
  here: KeyServer;
  there: KeyServer;
  /** Starts the second one again, once it has ended. */
  again(): Promise<KeyServer>;
}

/** @param token settings of `auth.token` */
export async function startTwo(t: TestContext, token: object = {}): Promise<KeyServers> {
  const directory = await temporaryDirectory(t);
  const redis = await startRedis(await createDirectory(), ['--save', '', '--appendonly', 'no']);
  t.after(() => redis.kill());
  const start = async (name: string): Promise<KeyServer> => {
    const store = { url: `redis://127.0.0.1:${redis.port}`, acknowledgement: 'local' } as const;
    const server = await startKeyServer(t, join(directory, name), { name, store, token, logLevel: 'info' });
    await ready(server);
    return server;
  };
  return { here: await start('s1'), there: await start('s2'), again: () => start('s2') };
}

/** The keyring, by the operator port. */
export function keyring(
  { access }: KeyServer,
  method: string,
  { query = '', body }: { query?: string; body?: object } = {},
): Promise<HttpsAnswer> {
  const path = `/v1/operator/keyring${query}`;
  return callHttps(access, { method, path, authorization: access.authorization, ...(body && { body }) });
}
