// A provider as far as a server looks at one: it publishes keys, counts who asks, and signs whatever it is told to.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTHeaderParameters,
  SignJWT,
} from 'jose';

export interface ProviderStub extends AsyncDisposable {
  issuer: string;
  /** Paths that were asked for, in order. */
  asked: string[];
  /** How many connections there were, with calls or without. */
  connections(): number;
  /** What it publishes, and what it signs with: the last. */
  keys: { jwk: JWK; privateKey: CryptoKey }[];
  /** Answers instead of it while it is set. */
  answer: ((path: string, response: ServerResponse) => void) | undefined;
  addKey(kid: string): Promise<void>;
  /** A token with these claims over good ones. */
  token(claims?: object, header?: Partial<JWTHeaderParameters>): Promise<string>;
}

export async function startProvider(): Promise<ProviderStub> {
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    stub.asked.push(path);
    if (stub.answer) stub.answer(path, response);
    else if (path === '/.well-known/openid-configuration')
      response.end(JSON.stringify({ issuer: stub.issuer, jwks_uri: `${stub.issuer}/keys` }));
    else if (path === '/keys') response.end(JSON.stringify({ keys: stub.keys.map(({ jwk }) => jwk) }));
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  let connections = 0;
  server.on('connection', () => connections++);
  await once(server, 'listening');
  const stub: ProviderStub = {
    issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    connections: () => connections,
    keys: [],
    answer: undefined,
    async addKey(kid) {
      const { publicKey, privateKey } = await generateKeyPair('ES256');
      stub.keys.push({ jwk: { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }, privateKey });
    },
    async token(claims = {}, header = {}) {
      const last = stub.keys.at(-1);
      if (last === undefined) throw new Error('there is no key to sign with');
      const { kid = '' } = last.jwk;
      const nowS = Math.floor(Date.now() / 1000);
      const good = {
        iss: stub.issuer,
        aud: 'armada',
        sub: 'ann',
        iat: nowS,
        exp: nowS + 300,
        client_id: 'cli',
      };
      return new SignJWT({ ...good, ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid, ...header })
        .sign(last.privateKey);
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  await stub.addKey('first');
  return stub;
}
