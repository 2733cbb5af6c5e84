// A server that takes everything by which one can say who one is, and two people
// for each: one of the scientists, one in no group that counts.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tlsCredentials, type TlsFiles } from '@armada-ts/api/servers/tls-credentials';
import { type Clock, systemClock } from '@armada-ts/server/base/clock';
import type { ConfigInput } from '@armada-ts/server/config';
import { Client, Metadata } from '@grpc/grpc-js';
import {
  type Directory,
  group,
  GROUPS,
  PEOPLE,
  person,
  READER,
  startDirectory,
} from '../kerberos/directory.ts';
import { type Realm, startRealm } from '../kerberos/realm.ts';
import { tokenFor } from '../kerberos/tickets.ts';
import { startTestApiServer, type TestApiServer } from '../kubernetes/api-server.ts';
import { BATCH, STRANGE, startTestProvider, type TestProvider } from '../oidc/provider.ts';
import { type Authority, type KeyPair, makeTestAuthority } from './certificates.ts';
import type { Ports } from './doors.ts';
import { startLocalServer } from './in-process.ts';
import { send } from './rest-calls.ts';
import { authorization, authSettings, credentialsOf, OPERATOR, STRANGER, TOKEN_SETTINGS } from './users.ts';

const SCIENCE = 'science';
const ACCOUNTS_OF_SCIENCE = 'system:serviceaccounts:science';
/** By what the schemes call the group: a cluster has its own names. */
export const SCIENTISTS = [SCIENCE, ACCOUNTS_OF_SCIENCE];
const ANN_OF_CLUSTER = 'system:serviceaccount:science:ann';
const BOB_OF_CLUSTER = 'system:serviceaccount:others:bob';
const ANN = { name: 'ann', permissions: [], verbs: [] };

/** Somebody who has shown who they are in one way. */
export interface Person {
  scheme: string;
  /** As the server is to call them. */
  name: string;
  isInScience: boolean;
  ports: Ports;
  /** For the next call: some credentials are good for one. */
  credentials: () => Promise<Metadata>;
}

export interface PeopleServer extends AsyncDisposable {
  people: readonly Person[];
  /** For who may do everything. */
  grpc: Client;
  provider: TestProvider;
  /** Vouches for the server and its clients. */
  authority: Authority;
  /** Where it serves gRPC. */
  address: string;
  /** Of the operator port, with the certificate of a person who has one. */
  openOperators: (person: Person) => Promise<Ports>;
}

interface Sources {
  authority: Authority;
  realm: Realm;
  keytab: string;
  ldap: Directory;
  provider: TestProvider;
  cluster: TestApiServer;
}

export async function startPeopleServer(
  directory: string,
  clock: Clock = systemClock,
): Promise<PeopleServer> {
  await using opened = new AsyncDisposableStack();
  const [authority, realm, ldap, provider, cluster] = await Promise.all([
    makeTestAuthority(directory, 'authority'),
    startRealm(),
    startDirectory([person('ann'), person('bob'), group(SCIENCE, 'ann')].join('')),
    startTestProvider(),
    startTestApiServer(directory),
  ]);
  for (const each of [realm, ldap, provider, cluster]) opened.use(each);
  for (const account of [ANN_OF_CLUSTER, BOB_OF_CLUSTER]) cluster.accounts.add(account);
  for (const user of ['ann', 'bob']) await realm.addPrincipal(user, 'secret');
  await realm.addPrincipal('HTTP/localhost');
  Object.assign(process.env, realm.environment);
  const sources = { authority, realm, keytab: await realm.keytab('HTTP/localhost'), ldap, provider, cluster };
  const shown = await authority.issue('server', {
    subject: '/CN=armada',
    names: 'DNS:localhost,IP:127.0.0.1',
  });
  const { app, access } = opened.use(await startLocalServer(directory, settingsOf(sources, shown), clock));

  const portsOf = async (shows?: KeyPair): Promise<Ports> => {
    const files = { caFile: authority.certFile, ...shows };
    const [grpc, http] = [app.grpcAddress, new URL(app.httpUrl).host].map((address) =>
      opened.adopt(new Client(address, tlsCredentials(files)), (client) => client.close()),
    ) as [Client, Client];
    return { grpc, http, url: byName(app.httpUrl), tls: await bytesOf(files) };
  };
  const plain = await portsOf();
  const certificates = new Map([
    ['ann', await authority.issue('ann', { subject: `/OU=${SCIENCE}/CN=ann` })],
    ['bob', await authority.issue('bob', { subject: '/CN=bob' })],
  ]);
  const people = [
    ...(await peopleOf(sources, plain)),
    ...(await Promise.all(
      [...certificates].map(
        async ([name, pair]): Promise<Person> => ({
          scheme: 'mtls',
          name,
          isInScience: name === 'ann',
          ports: await portsOf(pair),
          credentials: () => Promise.resolve(new Metadata()),
        }),
      ),
    )),
  ];
  const held = opened.move();
  return {
    people,
    grpc: plain.grpc,
    provider,
    authority,
    address: app.grpcAddress,
    async openOperators({ scheme, name }) {
      const pair = scheme === 'mtls' ? certificates.get(name) : undefined;
      const files = { caFile: join(directory, 'operator/ca.pem'), ...pair };
      const options = { 'grpc.ssl_target_name_override': 'localhost' };
      const grpc = held.adopt(new Client(access.address, tlsCredentials(files), options), (client) =>
        client.close(),
      );
      return { grpc, http: grpc, url: byName(access.url), tls: await bytesOf(files) };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Addresses are not sent in a handshake. */
const byName = (url: string): string => url.replace('127.0.0.1', 'localhost');

async function bytesOf({ caFile = '', certFile, keyFile }: TlsFiles): Promise<NonNullable<Ports['tls']>> {
  const shown = certFile !== undefined && keyFile !== undefined;
  return {
    ca: await readFile(caFile),
    ...(shown && { cert: await readFile(certFile), key: await readFile(keyFile) }),
  };
}

function settingsOf(
  { authority, keytab, ldap, provider, cluster }: Sources,
  shown: KeyPair,
): Partial<ConfigInput> {
  const auth = authSettings([OPERATOR, ANN, STRANGER]);
  const { ann, ...others } = auth.basic?.users ?? {};
  return {
    tls: {
      certificateFile: shown.certFile,
      keyFile: shown.keyFile,
      clients: { authorityFile: authority.certFile },
    },
    auth: {
      schemes: ['basic', 'kerberos', 'oidc', 'kubernetes', 'token', 'mtls', 'anonymous'],
      allowAnonymousFromNetwork: true,
      basic: { users: { ...others, ...(ann && { ann: { ...ann, groups: [SCIENCE] } }) } },
      token: TOKEN_SETTINGS,
      kubernetes: cluster.settings,
      oidc: { providers: [{ issuer: provider.issuer, audience: ['armada'], groupsClaim: 'groups' }] },
      mtls: { principals: [{ from: 'commonName', pattern: '*', groupsFrom: 'organizationalUnit' }] },
      kerberos: {
        keytab,
        principals: ['HTTP/localhost@ARMADA.TEST'],
        realms: { 'ARMADA.TEST': {} },
        ldap: {
          url: ldap.url,
          authorityFile: ldap.authorityFile,
          realm: 'ARMADA.TEST',
          bindName: READER,
          bindPasswordFile: ldap.passwordFile,
          userSearchBase: PEOPLE,
          groupSearchBase: GROUPS,
        },
      },
      permissionGroupMapping: {
        ...auth.permissionGroupMapping,
        create_queue: [OPERATOR.name, ...SCIENTISTS],
      },
      roles: { scientists: { permissions: ['operate'], groups: SCIENTISTS } },
    },
    scheduling: { rejectAfterMs: 3_600_000 },
  };
}

async function peopleOf({ realm, provider, cluster }: Sources, ports: Ports): Promise<Person[]> {
  const always = (metadata: Metadata) => () => Promise.resolve(metadata);
  const bearer = (token: string) => always(authorization(`Bearer ${token}`));
  const tickets = async (user: string): Promise<Person['credentials']> => {
    const environment = await realm.ticket(user, 'secret');
    return async () => authorization(`Negotiate ${(await tokenFor(environment)).base64}`);
  };
  const byKey = async (user: string): Promise<string> => {
    const key = await posted(ports, '/v1/keys', credentialsOf(user), {});
    const { id } = key['key'] as { id: string };
    const pair = { accessKey: id, secret: key['secret'] };
    return String((await posted(ports, '/v1/key/token', new Metadata(), pair))['token']);
  };
  const all: Omit<Person, 'ports' | 'isInScience'>[] = [
    { scheme: 'basic', name: 'ann', credentials: always(credentialsOf('ann')) },
    { scheme: 'basic', name: STRANGER.name, credentials: always(credentialsOf(STRANGER.name)) },
    { scheme: 'token', name: 'ann', credentials: bearer(await byKey('ann')) },
    { scheme: 'token', name: STRANGER.name, credentials: bearer(await byKey(STRANGER.name)) },
    { scheme: 'oidc', name: BATCH.clientId, credentials: bearer(await provider.clientToken()) },
    {
      scheme: 'oidc',
      name: STRANGE.clientId,
      credentials: bearer(await provider.clientToken(undefined, STRANGE)),
    },
    ...[ANN_OF_CLUSTER, BOB_OF_CLUSTER].map((account) => ({
      scheme: 'kubernetes',
      name: account,
      credentials: bearer(cluster.token({ account })),
    })),
    { scheme: 'kerberos', name: 'ann', credentials: await tickets('ann') },
    { scheme: 'kerberos', name: 'bob', credentials: await tickets('bob') },
    { scheme: 'anonymous', name: 'anonymous', credentials: always(new Metadata()) },
  ];
  return all.map((one) => ({
    ...one,
    ports,
    isInScience: ['ann', BATCH.clientId, ANN_OF_CLUSTER].includes(one.name),
  }));
}

async function posted(
  { url, tls }: Ports,
  path: string,
  metadata: Metadata,
  body: object,
): Promise<Record<string, unknown>> {
  const response = await send(url + path, 'POST', { metadata, body: JSON.stringify(body), tls });
  return JSON.parse((await response.setEncoding('utf8').toArray()).join('')) as Record<string, unknown>;
}
