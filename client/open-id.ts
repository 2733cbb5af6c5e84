/** Access tokens from a provider of OpenID Connect, as far as that needs nobody at the screen. */

import { readFile } from 'node:fs/promises';
import { isLoopback } from '@armada-ts/api/servers/loopback';
import { renewedBy } from '@armada-ts/api/servers/renewed-token';
import { POD_DIRECTORY } from '@armada-ts/api/servers/token-file';
import { bearer, type BearerAuthorization } from './bearer.ts';

/** A client of a provider, as a context of the configuration file names it. */
export interface OpenIdClient {
  providerUrl: string;
  clientId: string;
  /** Programs have one, people have none. */
  clientSecret?: string | undefined;
  scopes: readonly string[];
  /** Whom tokens are to be for, at providers that want `audience` said. */
  audience?: string | undefined;
  /** The same as RFC 8707 has it: URIs of those whom tokens are for. */
  resources?: readonly string[] | undefined;
}

export interface IssuedTokens {
  accessToken: string;
  /** By the clock of this machine. */
  expiresAtMs: number;
  refreshToken: string | undefined;
}

const TIMEOUT_MS = 10_000;
/** Where a provider does not say how long a token is good. */
const DEFAULT_VALID_S = 60;

/**
 * For `authorization` of `connect`: tokens for a program itself, by the grant for
 * client credentials; asked for when first needed and again before they end.
 */
export function clientCredentialsAuthorization(client: OpenIdClient): OwnBearer {
  const grant = { grant_type: 'client_credentials', scope: client.scopes.join(' ') };
  return renewed(() => requestTokens(client, grant));
}

/**
 * The same by somebody's name and password, which the provider is told. Few still
 * offer it: better let people log in.
 */
export function passwordAuthorization(
  client: OpenIdClient,
  { username, password }: { username: string; password: string },
): OwnBearer {
  const grant = { grant_type: 'password', scope: client.scopes.join(' '), username, password };
  return renewed(() => requestTokens(client, grant));
}

/** The same for a pod of Kubernetes, which shows the token of its service account to a provider that knows the grant `kubernetes`. */
export function podAuthorization(
  client: OpenIdClient,
  environment: Readonly<Record<string, string | undefined>>,
): OwnBearer {
  return renewed(async () => {
    const token =
      environment['K8S_SERVICEACCOUNT_TOKEN'] || (await readFile(`${POD_DIRECTORY}/token`, 'utf8')).trim();
    const scope = client.scopes.join(' ');
    return requestTokens(client, { grant_type: 'kubernetes', scope, client_assertion: token });
  });
}

/** Tokens that are of one provider, whichever server they are for. */
export type OwnBearer = BearerAuthorization<[]>;

/**
 * A bearer token that is replaced before it ends, or when it was refused.
 * @param issue is told of the one that was refused
 */
export function renewed(issue: (refused: string | undefined) => Promise<IssuedTokens>): OwnBearer {
  const tokens = renewedBy(async (_: undefined, refused) => {
    const askedAtMs = Date.now();
    const { accessToken, expiresAtMs } = await issue(refused);
    return { token: accessToken, validMs: expiresAtMs - askedAtMs };
  });
  return bearer(
    () => tokens.current(undefined),
    (token) => tokens.drop(token),
  );
}

/** What a request for tokens says of whom they are for. */
export function purposeOf({ audience, resources = [] }: OpenIdClient): [name: string, value: string][] {
  return [
    ...(audience === undefined ? [] : [['audience', audience] as [string, string]]),
    ...resources.map((resource): [string, string] => ['resource', resource]),
  ];
}

/** Asks the provider for tokens. Rejects with an Error that says why there are none. */
export async function requestTokens(
  client: OpenIdClient,
  grant: Record<string, string>,
): Promise<IssuedTokens> {
  const { token_endpoint: endpoint } = await metadataOf(client.providerUrl);
  if (typeof endpoint !== 'string') throw new Error(`${client.providerUrl} names no token_endpoint`);
  const askedAtMs = Date.now();
  const answer = await readJson(
    endpoint,
    await send(endpoint, asClient(client, [...Object.entries(grant), ...purposeOf(client)])),
  );
  const { access_token, expires_in, refresh_token } = answer;
  if (typeof access_token !== 'string' || access_token === '') {
    throw new Error(`${endpoint} gave no token${reasonIn(answer)}`);
  }
  const validS = typeof expires_in === 'number' ? expires_in : DEFAULT_VALID_S;
  return {
    accessToken: access_token,
    expiresAtMs: askedAtMs + validS * 1000,
    refreshToken: typeof refresh_token === 'string' ? refresh_token : undefined,
  };
}

/**
 * Has the provider take back a token, and with a refresh token all that came of it
 * (RFC 7009). False where it does not offer that. Rejects with an Error that says
 * why it has not.
 */
export async function revokeToken(client: OpenIdClient, token: string): Promise<boolean> {
  const { revocation_endpoint: endpoint } = await metadataOf(client.providerUrl);
  if (typeof endpoint !== 'string') return false;
  const response = await send(endpoint, asClient(client, [['token', token]]));
  if (response.ok) return true;
  const answer = await readJson(endpoint, response).catch(() => ({}));
  throw new Error(`${endpoint} answered ${response.status}${reasonIn(answer)}`);
}

/** What the provider publishes about itself. */
async function metadataOf(providerUrl: string): Promise<Record<string, unknown>> {
  const url = `${providerUrl.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const metadata = await readJson(url, await send(url, {}));
  if (metadata['issuer'] !== providerUrl)
    throw new Error(`${url} is about the issuer ${String(metadata['issuer'])}, not ${providerUrl}`);
  return metadata;
}

/** A form, sent as the client. */
function asClient({ clientId, clientSecret }: OpenIdClient, fields: [string, string][]): RequestInit {
  if (clientSecret === undefined)
    return { method: 'POST', body: new URLSearchParams([...fields, ['client_id', clientId]]) };
  const headers = { authorization: basic(clientId, clientSecret) };
  return { method: 'POST', body: new URLSearchParams(fields), headers };
}

async function send(url: string, request: RequestInit): Promise<Response> {
  refusePlain(url);
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  return await fetch(url, { ...request, redirect: 'error', signal }).catch((error: unknown) => {
    throw unreadable(url, error);
  });
}

async function readJson(url: string, response: Response): Promise<Record<string, unknown>> {
  try {
    return { ...((await response.json()) as object) };
  } catch (error) {
    throw unreadable(url, error);
  }
}

function unreadable(url: string, error: unknown): Error {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new Error(`${url} cannot be read: ${reason}`, { cause: error });
}

/** Secrets go over TLS, or nowhere. Throws an Error for an address that is neither of HTTPS nor of this machine. */
export function refusePlain(url: string): void {
  const { protocol, host } = new URL(url);
  if (protocol !== 'https:' && !(protocol === 'http:' && isLoopback(host)))
    throw new Error(`${url} must begin with https://`);
}

function reasonIn({ error, error_description }: Record<string, unknown>): string {
  const texts = [error, error_description].filter((text) => typeof text === 'string');
  return texts.length === 0 ? '' : `: ${texts.join(', ')}`;
}

/** RFC 6749 encodes both parts before they are put together. */
function basic(clientId: string, clientSecret: string): string {
  const pair = [clientId, clientSecret].map((part) => encodeURIComponent(part)).join(':');
  return `Basic ${Buffer.from(pair).toString('base64')}`;
}
