/** Logging in to a provider of OpenID Connect, with somebody at the screen. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { LoginSettings } from '@armada-ts/client/token-profile';
import { type IssuedTokens, type OpenIdClient, purposeOf } from '@armada-ts/client/open-id';
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  discovery,
  initiateDeviceAuthorization,
  None,
  pollDeviceAuthorizationGrant,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';

/** Whoever logs in. */
export interface Person {
  /** Shows where to go, and what to enter there. */
  tell(text: string): void;
  openBrowser(url: string): void;
}

type Tokens = Awaited<ReturnType<typeof authorizationCodeGrant>>;

const CALLBACK_PATH = '/auth/callback';
const MAX_LOGIN_MS = 10 * 60_000;
const MAX_GOODBYE_MS = 1_000;
const DEFAULT_VALID_S = 60;

/** Rejects with an Error that says why, when nobody has logged in after a while too. */
export async function logIn(settings: LoginSettings, person: Person): Promise<IssuedTokens> {
  const provider = new URL(settings.providerUrl);
  // Such a provider is on this machine, or the context would have been refused.
  const execute = provider.protocol === 'http:' ? [allowInsecureRequests] : [];
  const configuration = await discovery(provider, settings.clientId, undefined, None(), { execute });
  const signal = AbortSignal.timeout(MAX_LOGIN_MS);
  const tokens =
    settings.kind === 'browser'
      ? await logInAtBrowser(configuration, settings, { person, signal })
      : await logInByCode(configuration, settings, { person, signal });
  const validS = tokens.expires_in ?? DEFAULT_VALID_S;
  return {
    accessToken: tokens.access_token,
    expiresAtMs: Date.now() + validS * 1000,
    refreshToken: tokens.refresh_token,
  };
}

interface Attempt {
  person: Person;
  signal: AbortSignal;
}

async function logInByCode(
  configuration: Configuration,
  settings: LoginSettings,
  { person, signal }: Attempt,
): Promise<Tokens> {
  const device = await initiateDeviceAuthorization(configuration, asked(settings));
  person.tell(`go to ${device.verification_uri} and enter the code ${device.user_code}`);
  if (device.verification_uri_complete !== undefined)
    person.tell(`or go to ${device.verification_uri_complete}`);
  return pollDeviceAuthorizationGrant(configuration, device, new URLSearchParams(purposeOf(settings)), {
    signal,
  });
}

async function logInAtBrowser(
  configuration: Configuration,
  settings: LoginSettings,
  { person, signal }: Attempt,
): Promise<Tokens> {
  const { scopes, localPort } = settings;
  await using callback = await listenForCallback(localPort);
  const verifier = randomPKCECodeVerifier();
  const [state, nonce] = [randomState(), randomNonce()];
  const isKeptLoggedIn = scopes.includes('offline_access');
  const url = buildAuthorizationUrl(
    configuration,
    asked(settings, {
      redirect_uri: callback.url,
      state,
      nonce,
      code_challenge: await calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      // Providers give refresh tokens to whoever has agreed to that.
      ...(isKeptLoggedIn ? { prompt: 'consent' } : {}),
    }),
  );
  person.tell(`log in at ${url.href}`);
  person.openBrowser(url.href);
  // Awaited, as the callback is listened for until then.
  return await callback.answered(state, signal, (current) =>
    authorizationCodeGrant(
      configuration,
      current,
      {
        pkceCodeVerifier: verifier,
        expectedState: state,
        ...(scopes.includes('openid') ? { expectedNonce: nonce, idTokenExpected: true } : {}),
      },
      new URLSearchParams(purposeOf(settings)),
    ),
  );
}

/** What a login is for, with whatever else its kind needs. */
function asked(settings: OpenIdClient, more: Record<string, string> = {}): URLSearchParams {
  const scope = settings.scopes.join(' ');
  return new URLSearchParams([['scope', scope], ...purposeOf(settings), ...Object.entries(more)]);
}

interface Callback extends AsyncDisposable {
  url: string;
  /** What `take` makes of the address that the browser comes back to with this state; others are none of ours. */
  answered(state: string, signal: AbortSignal, take: (current: URL) => Promise<Tokens>): Promise<Tokens>;
}

async function listenForCallback(port: number): Promise<Callback> {
  const server = createServer();
  server.listen(port, 'localhost');
  await once(server, 'listening');
  const bound = server.address();
  const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
  const url = `http://localhost:${boundPort}${CALLBACK_PATH}`;
  return {
    url,
    answered: (state, signal, take) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(new Error('nobody has logged in in time')), {
          once: true,
        });
        server.on('request', (request: IncomingMessage, response: ServerResponse) => {
          const current = new URL(request.url ?? '', url);
          if (current.pathname !== CALLBACK_PATH || current.searchParams.get('state') !== state) {
            answer(response, 404, 'There is nothing here.');
            return;
          }
          take(current).then(
            (tokens) => {
              answer(response, 200, 'You are logged in. Close this page and go back to the terminal.');
              resolve(tokens);
            },
            (error: unknown) => {
              answer(response, 400, 'You are not logged in. The terminal says why.');
              reject(error instanceof Error ? error : new Error(String(error)));
            },
          );
        });
      }),
    async [Symbol.asyncDispose]() {
      // Browsers keep connections open that they no longer need; the answer is on its way already.
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      const late = setTimeout(() => server.closeAllConnections(), MAX_GOODBYE_MS);
      await closed;
      clearTimeout(late);
    },
  };
}

function answer(response: ServerResponse, status: number, text: string): void {
  const headers = { 'content-type': 'text/plain; charset=utf-8', connection: 'close' };
  response.writeHead(status, headers).end(`${text}\n`);
}
