/** A Kerberos realm for tests: a KDC of MIT on a loopback port, its users, keytabs and tickets, all in one directory. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import {
  createDirectory,
  endDaemon,
  type Environment,
  run,
  startDaemon,
  takesConnections,
} from '../daemons.ts';

export interface Realm extends AsyncDisposable {
  readonly name: string;
  readonly directory: string;
  /** Of the KDCs that it knows, by realm. */
  readonly ports: Readonly<Record<string, number>>;
  /** What programs need in their environment to find the KDC. */
  readonly environment: Environment;
  /** Adds a user with a password, or a service when there is none. */
  addPrincipal(name: string, password?: string): Promise<void>;
  /** Writes the keys of services to a file; their keys are then known nowhere else. */
  keytab(...services: string[]): Promise<string>;
  /** Gives a service a new key, beside the ones before it in the file. */
  rotate(keytab: string, service: string): Promise<void>;
  /** Logs a user in, and gives the environment of a program that has their ticket. */
  ticket(user: string, password: string, ...options: string[]): Promise<Environment>;
}

/** Starts a realm. @param trusted another one whose users may come, if it says so too; see trust() */
export async function startRealm(name = 'ARMADA.TEST', trusted?: Realm): Promise<Realm> {
  const directory = await createDirectory('kerberos');
  const port = await freePort();
  const environment = {
    KRB5_CONFIG: join(directory, 'krb5.conf'),
    KRB5_KDC_PROFILE: join(directory, 'kdc.conf'),
    // Tickets of this machine's user are none of the tests' business.
    KRB5CCNAME: join(directory, 'no-tickets'),
    KRB5RCACHEDIR: directory,
  };
  await writeFile(environment.KRB5_CONFIG, clientSettings(name, { [name]: port, ...trusted?.ports }));
  await writeFile(environment.KRB5_KDC_PROFILE, serverSettings(name, port, directory));
  await run('kdb5_util', ['create', '-s', '-r', name, '-P', 'of-the-database'], { environment });
  const isUp = () => takesConnections(port);
  const kdc = await startDaemon('krb5kdc', ['-n', '-P', join(directory, 'kdc.pid')], { isUp, environment });
  const administer = (...lines: string[]): Promise<string> =>
    run('kadmin.local', ['-r', name], { environment, input: `${lines.join('\n')}\n` });
  let made = 0;
  return {
    name,
    directory,
    ports: { [name]: port },
    environment,
    async addPrincipal(principal, password) {
      const key = password === undefined ? '-randkey' : `-pw ${password}`;
      await administer(`addprinc ${key} ${principal}`);
    },
    async keytab(...services) {
      const path = join(directory, `${++made}.keytab`);
      await administer(...services.map((service) => `ktadd -k ${path} ${service}`));
      return path;
    },
    async rotate(keytab, service) {
      await administer(`ktadd -k ${keytab} ${service}`);
    },
    async ticket(user, password, ...options) {
      const own = { ...environment, KRB5CCNAME: join(directory, `${++made}.tickets`) };
      await run('kinit', [...options, user], { environment: own, input: `${password}\n` });
      return own;
    },
    [Symbol.asyncDispose]: () => endDaemon(kdc),
  };
}

/** No name service is asked, and tickets are good for this very host name. */
function clientSettings(name: string, ports: Readonly<Record<string, number>>): string {
  const realms = Object.entries(ports).map(
    ([realm, port]) => `  ${realm} = {\n    kdc = 127.0.0.1:${port}\n  }`,
  );
  return `[libdefaults]
  default_realm = ${name}
  dns_lookup_realm = false
  dns_lookup_kdc = false
  dns_canonicalize_hostname = false
  rdns = false
  udp_preference_limit = 1
  permitted_enctypes = aes256-cts-hmac-sha1-96
[realms]
${realms.join('\n')}
[domain_realm]
  localhost = ${name}
`;
}

function serverSettings(name: string, port: number, directory: string): string {
  return `[kdcdefaults]
  kdc_listen = 127.0.0.1:${port}
  kdc_tcp_listen = 127.0.0.1:${port}
[realms]
  ${name} = {
    database_name = ${join(directory, 'principal')}
    key_stash_file = ${join(directory, 'stash')}
    supported_enctypes = aes256-cts-hmac-sha1-96:normal
    master_key_type = aes256-cts-hmac-sha1-96
  }
`;
}
