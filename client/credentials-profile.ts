/** Who somebody is to the server, by the keys of a context that Armada's command line knows, and our own. */
import { accessKeyAuthorization } from './access-keys.ts';
import {
  besideFile,
  type ConnectionSettings,
  get,
  ProfileError,
  text,
  toSettings,
  type Settings,
} from './config-file.ts';
import type { ConnectOptions } from './connect.ts';
import { kerberosAuthorization } from './kerberos.ts';
import { podTokenAuthorization, tokenFileAuthorization } from './token-file.ts';
import { type LoginSettings, readOpenId, readTokenCommand } from './token-profile.ts';

export interface Credentials extends Pick<ConnectOptions, 'basicAuth' | 'authorization'> {
  /** What `armadactl login` is to do; undefined where there is nobody to log in. */
  login?: LoginSettings | undefined;
  notices: readonly string[];
}

export interface CredentialSources {
  environment: Readonly<Record<string, string | undefined>>;
  homeDirectory: string | undefined;
  /**
   * Asks for a password that the file does not have, when a call first needs it;
   * undefined in answer when there is nobody to ask. Without it such a file cannot be used.
   */
  askPassword?: ((question: string) => Promise<string | undefined>) | undefined;
}

/** Where calls go, and how. */
type Reach = Pick<ConnectOptions, 'address' | 'tls' | 'forceNoTls'>;

/**
 * The kinds of credentials in the order in which they count, as Armada has it, with
 * what says that one is meant: files with all keys and nothing in them are common.
 */
const KINDS = {
  basicAuth: 'username',
  kubernetesNativeAuth: 'enabled',
  openIdAuth: 'providerUrl',
  openIdDeviceAuth: 'providerUrl',
  openIdPasswordAuth: 'providerUrl',
  openIdClientCredentialsAuth: 'providerUrl',
  openIdKubernetesAuth: 'providerUrl',
  kerberosAuth: 'enabled',
  execAuth: 'cmd',
  accessKeyAuth: 'accessKey',
  tokenFileAuth: 'file',
} as const;

type Kind = keyof typeof KINDS;

export const CREDENTIAL_KEYS = Object.keys(KINDS) as Kind[];

/** Throws ProfileError for credentials that cannot be used. */
export function readCredentials(
  context: ConnectionSettings,
  sources: CredentialSources,
  reach: Reach,
): Credentials {
  const { settings, where } = context;
  const [kind, ...others] = CREDENTIAL_KEYS.filter((each) => isMeant(settings, each, where));
  if (kind === undefined) return { notices: [] };
  const place = `${where}.${kind}`;
  const own = toSettings(get(settings, kind), place);
  const notices = others.map((other) => `${where}: ${other} has no effect beside ${kind}`);
  return { ...readKind(kind, { own, place, context }, sources, reach), notices };
}

function isMeant(settings: Settings, kind: Kind, where: string): boolean {
  const value = get(settings, kind);
  if (value === undefined) return false;
  const own = toSettings(value, `${where}.${kind}`);
  const said = get(own, KINDS[kind]);
  if (said === undefined) return own.size > 0 && KINDS[kind] !== 'enabled';
  return said !== '' && said !== false;
}

function readKind(
  kind: Kind,
  { own, place, context }: { own: Settings; place: string; context: ConnectionSettings },
  sources: CredentialSources,
  reach: Reach,
): Omit<Credentials, 'notices'> {
  switch (kind) {
    case 'basicAuth':
      return readBasicAuth(own, place, sources.askPassword, reach.address);
    case 'accessKeyAuth': {
      const pair = { accessKey: text(own, 'accessKey', place), secret: text(own, 'secret', place) };
      return { authorization: accessKeyAuthorization(pair, reach) };
    }
    case 'kubernetesNativeAuth':
      demandEnabled(own, place);
      return { authorization: podTokenAuthorization() };
    case 'tokenFileAuth':
      return { authorization: tokenFileAuthorization(besideFile(context, text(own, 'file', place))) };
    case 'kerberosAuth':
      demandEnabled(own, place);
      return {
        authorization: kerberosAuthorization(
          get(own, 'service') === undefined ? undefined : text(own, 'service', place),
        ),
      };
    case 'execAuth':
      return { authorization: readTokenCommand(own, place, sources.environment) };
    case 'openIdAuth':
    case 'openIdDeviceAuth':
    case 'openIdPasswordAuth':
    case 'openIdClientCredentialsAuth':
    case 'openIdKubernetesAuth':
      return readOpenId(kind, { own, place }, sources);
  }
}

function readBasicAuth(
  own: Settings,
  place: string,
  ask: CredentialSources['askPassword'],
  address: string,
): Pick<ConnectOptions, 'basicAuth' | 'authorization'> {
  const username = text(own, 'username', place);
  if ((get(own, 'password') ?? '') !== '' || ask === undefined)
    return { basicAuth: { username, password: text(own, 'password', place) } };
  return {
    authorization: async () => {
      const password = await ask(`password of ${username} for ${address}: `);
      if (password === undefined) throw new Error(`${place}.password is missing, and none was typed`);
      return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
    },
  };
}

function demandEnabled(own: Settings, place: string): void {
  if (get(own, 'enabled') !== true) throw new ProfileError(`${place}.enabled must be a boolean`);
}
