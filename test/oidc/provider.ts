// A real provider, in this process, for the tests of tokens and of logging in.
import { generateKeyPair, type JsonWebKey } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';

/** As much of the package as is used here; it has no types of its own. */
interface ProviderPackage {
  Provider: new (issuer: string, configuration: object) => { callback(): RequestListener };
}

const name: string = 'oidc-provider';
const { Provider } = (await import(name)) as ProviderPackage;
const makeKeyPair = promisify(generateKeyPair);

export interface TestProvider extends AsyncDisposable {
  issuer: string;
  /** Signs with a new key from now on, and publishes the old ones or not. */
  rotate(keepOld: boolean): Promise<void>;
  /** A token for a client itself, `batch` when left out, good for so long. */
  clientToken(seconds?: number, client?: typeof BATCH): Promise<string>;
}

export const BATCH = { clientId: 'batch', clientSecret: 'secret of batch' };
/** A client in no group. */
export const STRANGE = { clientId: 'strange', clientSecret: 'secret of strange' };
/** The client of people at a terminal. */
export const CLI = 'cli';
const ACCESS_TOKEN_SECONDS = 120;

const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

export async function startTestProvider(): Promise<TestProvider> {
  let answer: RequestListener | undefined;
  const server = createServer((request, response) => answer?.(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let keys: JsonWebKey[] = [];
  let seconds = ACCESS_TOKEN_SECONDS;
  const rotate = async (keepOld: boolean): Promise<void> => {
    const { privateKey } = await makeKeyPair('rsa', { modulusLength: 2048 });
    const key = {
      ...privateKey.export({ format: 'jwk' }),
      kid: `key-${keys.length + 1}`,
      alg: 'RS256',
      use: 'sig',
    };
    keys = [key, ...(keepOld ? keys : [])];
    answer = new Provider(
      issuer,
      configuration(keys, () => seconds),
    ).callback();
  };
  await rotate(false);
  return {
    issuer,
    rotate,
    async clientToken(validSeconds = ACCESS_TOKEN_SECONDS, { clientId, clientSecret } = BATCH) {
      seconds = validSeconds;
      const credentials = Buffer.from(`${clientId}:${encodeURIComponent(clientSecret)}`).toString('base64');
      const response = await fetch(`${issuer}/token`, {
        method: 'POST',
        headers: { authorization: `Basic ${credentials}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', scope: 'jobs' }),
      });
      const { access_token } = (await response.json()) as { access_token: string };
      return access_token;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function configuration(keys: JsonWebKey[], seconds: () => number): object {
  const base = { redirect_uris: [], response_types: [] };
  return {
    clients: [
      ...[BATCH, STRANGE].map(({ clientId, clientSecret }) => ({
        ...base,
        client_id: clientId,
        client_secret: clientSecret,
        grant_types: ['client_credentials'],
      })),
      {
        client_id: CLI,
        application_type: 'native',
        token_endpoint_auth_method: 'none',
        grant_types: ['authorization_code', 'refresh_token', DEVICE_GRANT],
        redirect_uris: ['http://localhost/auth/callback'],
        response_types: ['code'],
      },
    ],
    jwks: { keys },
    cookies: { keys: ['of tests'] },
    scopes: ['openid', 'offline_access', 'jobs'],
    findAccount: (_context: unknown, accountId: string) => ({
      accountId,
      claims: () => ({ sub: accountId }),
    }),
    extraTokenClaims: (_context: unknown, { clientId }: { clientId: string }) =>
      clientId === STRANGE.clientId ? {} : { groups: ['science'], department: 'research' },
    features: {
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true },
      devInteractions: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => 'urn:armada',
        useGrantedResource: () => true,
        getResourceServerInfo: (_context: unknown, resource: string) => ({
          scope: 'jobs',
          audience: resource === 'urn:armada' ? 'armada' : resource,
          accessTokenFormat: 'jwt',
          accessTokenTTL: seconds(),
          jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
  };
}
