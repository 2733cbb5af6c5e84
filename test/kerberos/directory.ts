/** A directory of people and groups for tests: OpenLDAP's slapd on a loopback port, read by one who has a password. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { createDirectory, endDaemon, run, startDaemon, takesConnections } from '../daemons.ts';

export const PEOPLE = 'ou=people,dc=armada,dc=test';
export const GROUPS = 'ou=groups,dc=armada,dc=test';
/** Who may change it, and read it: the same here. */
export const READER = 'cn=reader,dc=armada,dc=test';
const PASSWORD = 'reads-groups';

export interface Directory extends AsyncDisposable {
  /** With TLS. */
  readonly url: string;
  /** Without. */
  readonly plainUrl: string;
  /** Certificate to trust, as PEM. */
  readonly authorityFile: string;
  readonly passwordFile: string;
  /** Takes changes in LDIF. */
  modify(ldif: string): Promise<void>;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again, where it was. */
  restart(): Promise<void>;
}

/** Starts a directory that holds what `ldif` says below PEOPLE and GROUPS. */
export async function startDirectory(ldif: string): Promise<Directory> {
  const directory = await createDirectory('ldap');
  const [port, tlsPort] = [await freePort(), await freePort()];
  const [certificate, key, settings, entries, passwordFile] = [
    'cert.pem',
    'key.pem',
    'slapd.conf',
    'entries.ldif',
    'password',
  ].map((name) => join(directory, name)) as [string, string, string, string, string];
  await mkdir(join(directory, 'data'));
  await writeFile(passwordFile, `${PASSWORD}\n`);
  await writeFile(entries, `${TREE}\n${ldif}`);
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
  await run('openssl', ['req', '-x509', ...newKey, '-out', certificate, '-days', '2', ...subject]);
  await writeFile(settings, serverSettings(directory, { certificate, key }));
  await run('slapadd', ['-f', settings, '-l', entries]);
  const plainUrl = `ldap://127.0.0.1:${port}`;
  const url = `ldaps://localhost:${tlsPort}`;
  const isUp = () => takesConnections(port);
  const start = () => startDaemon('slapd', ['-d', '0', '-f', settings, '-h', `${plainUrl} ${url}`], { isUp });
  let server = await start();
  return {
    url,
    plainUrl,
    authorityFile: certificate,
    passwordFile,
    async modify(changes) {
      await run('ldapmodify', ['-H', plainUrl, '-D', READER, '-w', PASSWORD], { input: changes });
    },
    kill: () => endDaemon(server),
    async restart() {
      server = await start();
    },
    [Symbol.asyncDispose]: () => endDaemon(server),
  };
}

/** What `auth.kerberos.ldap` is to say, so that its people are users of the realm. */
export function ldapSettings({ url, authorityFile, passwordFile }: Directory) {
  return {
    url,
    authorityFile,
    realm: 'ARMADA.TEST',
    bindName: READER,
    bindPasswordFile: passwordFile,
    userSearchBase: PEOPLE,
    groupSearchBase: GROUPS,
  };
}

const TREE = `dn: dc=armada,dc=test
objectClass: dcObject
objectClass: organization
o: Armada
dc: armada

dn: ${PEOPLE}
objectClass: organizationalUnit
ou: people

dn: ${GROUPS}
objectClass: organizationalUnit
ou: groups
`;

function serverSettings(
  directory: string,
  { certificate, key }: { certificate: string; key: string },
): string {
  return `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile ${certificate}
TLSCertificateKeyFile ${key}
disallow bind_anon
require authc
database mdb
suffix dc=armada,dc=test
rootdn ${READER}
rootpw ${PASSWORD}
directory ${join(directory, 'data')}
`;
}

/** An entry of somebody. */
export function person(uid: string): string {
  return `dn: uid=${uid},${PEOPLE}
objectClass: inetOrgPerson
cn: ${uid}
sn: ${uid}
uid: ${uid}

`;
}

/** A group that has people as its members. */
export function group(name: string, ...members: string[]): string {
  const lines = members.map((uid) => `member: uid=${uid},${PEOPLE}\n`).join('');
  return `dn: cn=${name},${GROUPS}
objectClass: groupOfNames
cn: ${name}
${lines}
`;
}
