/** Ways of a context to come by tokens, by the keys that Armada's command line knows. */
import type { ConnectOptions } from './connect.ts';
import { get, ProfileError, text, toSettings, type Settings } from './config-file.ts';
import { execAuthorization, type TokenCommand } from './exec-token.ts';
import { loginAuthorization } from './kept-login.ts';
import {
  clientCredentialsAuthorization,
  type OpenIdClient,
  type OwnBearer,
  passwordAuthorization,
  podAuthorization,
  refusePlain,
} from './open-id.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** How somebody logs in: at a browser on this machine, or with a code at any other. */
export interface LoginSettings extends OpenIdClient {
  kind: 'browser' | 'device';
  /** Where the browser comes back to; any free port when it is 0. */
  localPort: number;
}

/** A refresh token is what keeps people logged in. */
const LOGIN_SCOPES = ['openid', 'offline_access'];

interface Section {
  own: Settings;
  /** For messages. */
  place: string;
}

export type OpenIdKind =
  | 'openIdAuth'
  | 'openIdDeviceAuth'
  | 'openIdPasswordAuth'
  | 'openIdClientCredentialsAuth'
  | 'openIdKubernetesAuth';

/** Tokens of a provider of OpenID Connect. Throws ProfileError. */
export function readOpenId(
  kind: OpenIdKind,
  { own, place }: Section,
  { environment, homeDirectory }: { environment: Environment; homeDirectory: string | undefined },
): { authorization: NonNullable<ConnectOptions['authorization']>; login?: LoginSettings } {
  const isLogin = kind === 'openIdAuth' || kind === 'openIdDeviceAuth';
  const client = isLogin ? readLoginClient(own, place) : readClient(own, place, []);
  switch (kind) {
    case 'openIdClientCredentialsAuth': {
      const clientSecret = text(own, 'clientSecret', place);
      return { authorization: clientCredentialsAuthorization({ ...client, clientSecret }) };
    }
    case 'openIdPasswordAuth': {
      const person = { username: text(own, 'username', place), password: text(own, 'password', place) };
      return { authorization: passwordAuthorization(client, person) };
    }
    case 'openIdKubernetesAuth':
      return { authorization: podAuthorization(client, environment) };
    case 'openIdAuth':
    case 'openIdDeviceAuth': {
      const port = get(own, 'localPort') ?? 0;
      if (!Number.isInteger(port) || Number(port) < 0 || Number(port) > 65_535)
        throw new ProfileError(`${place}.localPort must be the number of a port`);
      if (homeDirectory === undefined)
        throw new ProfileError(`${place} needs a home directory to keep tokens in`);
      return {
        authorization: loginAuthorization(homeDirectory, client),
        login: { ...client, kind: kind === 'openIdAuth' ? 'browser' : 'device', localPort: Number(port) },
      };
    }
  }
}

/** What a command prints. Throws ProfileError. */
export function readTokenCommand(own: Settings, place: string, environment: Environment): OwnBearer {
  return execAuthorization(readCommand(own, place), environment);
}

/** As Armada does, `openid` is asked for whether it is named or not. */
function readLoginClient(own: Settings, place: string): OpenIdClient {
  const client = readClient(own, place, LOGIN_SCOPES);
  return { ...client, scopes: [...new Set(['openid', ...client.scopes])] };
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
  const interactive = get(settings, 'interactive') ?? false;
  if (typeof interactive !== 'boolean') throw new ProfileError(`${where}.interactive must be a boolean`);
  return { cmd: text(settings, 'cmd', where), args, env: Object.fromEntries(pairs), interactive };
}

function texts(value: unknown, where: string): string[] {
  if (Array.isArray(value) && value.every((each) => typeof each === 'string')) return value;
  throw new ProfileError(`${where} must be a list of texts`);
}
