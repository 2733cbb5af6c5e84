import { homedir } from 'node:os';
import { connect, type Connection, type ConnectOptions } from './connect.ts';
import { readProfile, type ProfileSources } from './profile.ts';

/** What to override of the profile; nothing, as a rule. */
export type ProfileOverrides = Partial<ProfileSources> & Omit<ConnectOptions, 'address'>;

/**
 * Connects where armadactl would: to what is named here, else to ARMADAURL, else
 * to the current context of `.armadactl.yaml` in the home directory, else to a
 * server on this machine. Throws ProfileError for a file that cannot be used.
 */
export async function connectFromProfile(overrides: ProfileOverrides = {}): Promise<Connection> {
  const { configPath, contextName, address, tls, askPassword, environment, homeDirectory, ...options } =
    overrides;
  const { basicAuth, authorization, ...profile } = await readProfile({
    configPath,
    contextName,
    address,
    tls,
    askPassword,
    environment: environment ?? process.env,
    homeDirectory: homeDirectory ?? homedir(),
  });
  const isNamed = options.basicAuth !== undefined || options.authorization !== undefined;
  const credentials = isNamed
    ? {}
    : { ...(basicAuth && { basicAuth }), ...(authorization && { authorization }) };
  return connect({ ...profile, ...credentials, ...options });
}
