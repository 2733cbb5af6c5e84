/** Ways of a context to come by tokens: the keys that Armada's command line knows, and one more. */
import type { ConnectOptions } from './connect.ts';
import { get, ProfileError, toSettings, type Settings } from './config-file.ts';
import { execAuthorization, type TokenCommand } from './exec-token.ts';
import { loginAuthorization } from './kept-login.ts';
import { clientCredentialsAuthorization, type OpenIdClient, refusePlain } from './open-id.ts';
import { tokenFileAuthorization } from './token-file.ts';

/** How somebody logs in: at a browser on this machine, or with a code at any other. */
export interface LoginSettings extends OpenIdClient {
  kind: 'browser' | 'device';
  /** Where the browser comes back to; any free port when it is 0. */
  localPort: number;
}

export interface TokenSettings {
  authorization: NonNullable<ConnectOptions['authorization']>;
  /** What `armadactl login` is to do; undefined where there is nobody to log in. */
  login: LoginSettings | undefined;
}

interface Surroundings {
  environment: Readonly<Record<string, string | undefined>>;
  homeDirectory: string | undefined;
}

export const TOKEN_KEYS = [
  'openIdAuth',
  'openIdDeviceAuth',
  'openIdClientCredentialsAuth',
  'execAuth',
  'tokenFileAuth',
] as const;

/** A refresh token is what keeps people logged in. */
const LOGIN_SCOPES = ['openid', 'offline_access'];

/** The first of these that the context has; undefined when it has none. Throws ProfileError. */
export function readTokens(
  settings: Settings,
  where: string,
  { environment, homeDirectory }: Surroundings,
): TokenSettings | undefined {
  const key = TOKEN_KEYS.find((each) => get(settings, each) !== undefined);
  if (key === undefined) return undefined;
  const place = `${where}.${key}`;
  const own = toSettings(get(settings, key), place);
  switch (key) {
    case 'execAuth':
      return { authorization: execAuthorization(readCommand(own, place), environment), login: undefined };
    case 'tokenFileAuth':
      return { authorization: tokenFileAuthorization(text(own, 'file', place)), login: undefined };
    case 'openIdClientCredentialsAuth': {
      const client = readClient(own, place, []);
      const clientSecret = text(own, 'clientSecret', place);
      return { authorization: clientCredentialsAuthorization({ ...client, clientSecret }), login: undefined };
    }
    case 'openIdAuth':
    case 'openIdDeviceAuth': {
      const client = readClient(own, place, LOGIN_SCOPES);
      const port = get(own, 'localPort') ?? 0;
      if (!Number.isInteger(port) || Number(port) < 0 || Number(port) > 65_535)
        throw new ProfileError(`${place}.localPort must be the number of a port`);
      const kind = key === 'openIdAuth' ? 'browser' : 'device';
      if (homeDirectory === undefined)
        throw new ProfileError(`${place} needs a home directory to keep tokens in`);
      return {
        authorization: loginAuthorization(homeDirectory, client),
        login: { ...client, kind, localPort: Number(port) },
      };
    }
  }
}

function readClient(settings: Settings, where: string, defaultScopes: readonly string[]): OpenIdClient {
  const providerUrl = text(settings, 'providerUrl', where);
  try {
    refusePlain(providerUrl);
  } catch (error) {
    throw new ProfileError(`${where}.providerUrl must be https://HOST, got ${providerUrl}`, { cause: error });
  }
  const scopes = get(settings, 'scopes') ?? defaultScopes;
  const resource = get(settings, 'resource') ?? [];
  return {
    providerUrl,
    clientId: text(settings, 'clientId', where),
    scopes: texts(scopes, `${where}.scopes`),
    audience: get(settings, 'audience') === undefined ? undefined : text(settings, 'audience', where),
    resources: texts(typeof resource === 'string' ? [resource] : resource, `${where}.resource`),
  };
}

function readCommand(settings: Settings, where: string): TokenCommand {
  const env = get(settings, 'env') ?? [];
  if (!Array.isArray(env)) throw new ProfileError(`${where}.env must be a list of name and value`);
  const pairs = env.map((entry, index) => {
    const pair = toSettings(entry, `${where}.env.${index}`);
    return [
      text(pair, 'name', `${where}.env.${index}`),
      text(pair, 'value', `${where}.env.${index}`),
    ] as const;
  });
  const args = texts(get(settings, 'args') ?? [], `${where}.args`);
  return { cmd: text(settings, 'cmd', where), args, env: Object.fromEntries(pairs) };
}

function text(settings: Settings, key: string, where: string): string {
  const value = get(settings, key);
  if (typeof value !== 'string' || value === '') throw new ProfileError(`${where}.${key} is missing`);
  return value;
}

function texts(value: unknown, where: string): string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw new ProfileError(`${where} must be a list of texts`);
}
