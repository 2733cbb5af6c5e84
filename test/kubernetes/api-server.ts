// The part of a Kubernetes API server that makes tokens of service accounts and says whose
// they are, over HTTPS with a certificate of its own. The real one is in cluster.ts.
import { generateKeyPairSync, randomUUID, sign, verify } from 'node:crypto';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { makeTestAuthority } from '../e2e/certificates.ts';

const ISSUER = 'https://kubernetes.default.svc.cluster.local';

export interface TokenWish {
  account?: string;
  audience?: string | string[];
  validS?: number;
}

export interface TestApiServer extends AsyncDisposable {
  /** Settings of auth.kubernetes for it. */
  settings: { server: string; authorityFile: string; tokenFile: string; audiences: string[] };
  /** Names of the accounts that there are. */
  accounts: Set<string>;
  /** Reviews that it was asked for. */
  asked(): number;
  token(wish?: TokenWish): string;
  /** Answers in place of a review until it is set to undefined. */
  misbehave: ((request: IncomingMessage, response: ServerResponse<IncomingMessage>) => void) | undefined;
}

/** What programs of the cluster are called in tests. */
export const ACCOUNT = 'system:serviceaccount:jobs:runner';
const ARMADA = 'system:serviceaccount:armada:server';

export async function startTestApiServer(directory: string): Promise<TestApiServer> {
  const authority = await makeTestAuthority(directory, 'cluster');
  const pair = await authority.issue('api', { subject: '/CN=api', names: 'IP:127.0.0.1' });
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const tokenFile = join(directory, 'server-token');
  let asked = 0;

  function accountOf(token: string, wanted: string[]): { name: string; audiences: string[] } | undefined {
    const [header = '', claims = '', signature = ''] = token.split('.');
    const signed = Buffer.from(`${header}.${claims}`);
    if (!verify('sha256', signed, publicKey, Buffer.from(signature, 'base64url'))) return undefined;
    const { sub, aud, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString());
    const audiences = [aud].flat().filter((each) => wanted.includes(each));
    if (audiences.length === 0 || exp * 1000 <= Date.now() || !server.accounts.has(sub)) return undefined;
    return { name: sub, audiences };
  }

  async function review(request: IncomingMessage, response: ServerResponse<IncomingMessage>): Promise<void> {
    const answer = (status: number, body: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (request.url === '/openid/v1/jwks') {
      const key = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'RS256', use: 'sig' };
      return void answer(200, { keys: [key] });
    }
    const caller = accountOf(request.headers.authorization?.slice('Bearer '.length) ?? '', [ISSUER]);
    if (caller?.name !== ARMADA) return void answer(caller ? 403 : 401, { kind: 'Status' });
    if (request.method !== 'POST' || request.url !== '/apis/authentication.k8s.io/v1/tokenreviews')
      return void answer(404, { kind: 'Status' });
    const pieces: Buffer[] = [];
    for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
    asked++;
    if (server.misbehave) return server.misbehave(request, response);
    const { kind, spec } = JSON.parse(Buffer.concat(pieces).toString());
    const account = accountOf(spec.token, spec.audiences);
    const [, , namespace] = account?.name.split(':') ?? [];
    const user = {
      username: account?.name,
      uid: '1',
      groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/pod-name': ['runner-0'] },
    };
    const status = account
      ? { authenticated: true, user, audiences: account.audiences }
      : { user: {}, error: 'invalid bearer token' };
    answer(201, { kind, apiVersion: 'authentication.k8s.io/v1', metadata: {}, spec, status });
  }

  const listener = createServer(
    { cert: await readFile(pair.certFile), key: await readFile(pair.keyFile) },
    (request, response) => void review(request, response),
  ).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const server: TestApiServer = {
    settings: {
      server: `https://127.0.0.1:${port}`,
      authorityFile: authority.certFile,
      tokenFile,
      audiences: ['armada'],
    },
    accounts: new Set([ACCOUNT, ARMADA]),
    asked: () => asked,
    token({ account = ACCOUNT, audience = 'armada', validS = 600 } = {}) {
      const nowS = Math.floor(Date.now() / 1000);
      const times = { iat: nowS, exp: nowS + validS };
      const claims = { iss: ISSUER, sub: account, aud: [audience].flat(), ...times, jti: randomUUID() };
      const text = `${part({ alg: 'RS256', kid: 'one' })}.${part(claims)}`;
      return `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
    },
    misbehave: undefined,
    async [Symbol.asyncDispose]() {
      listener.close();
      listener.closeAllConnections();
      await once(listener, 'close');
    },
  };
  await writeFile(tokenFile, server.token({ account: ARMADA, audience: ISSUER }));
  return server;
}

function part(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
