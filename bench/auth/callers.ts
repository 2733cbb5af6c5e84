// Two servers, a plain one and one under TLS, that take every scheme, and one
// caller for each way to say who calls.
import { connect, createAccessKey, createQueue, exchangeAccessKey } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { hashPassword } from '@armada-ts/server/auth/password';
import type { ConfigInput } from '@armada-ts/server/config';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type Authority, type KeyPair, makeTestAuthority } from '../../test/e2e/certificates.ts';
import { startServer } from '../../test/e2e/server.ts';
import { startRealm } from '../../test/kerberos/realm.ts';
import { startTestProvider } from '../../test/oidc/provider.ts';
import type { Credentials, TlsFiles } from '../clients/authenticated.ts';

/** Whom the servers know, by one scheme each. */
export interface Callers extends AsyncDisposable {
  /** In the order of the table; the first is what all are compared with. */
  all: readonly Caller[];
}

export interface Caller {
  name: string;
  credentials: Credentials;
  server: Served;
  tls: TlsFiles | undefined;
}

/** A server as its callers see it. */
interface Served {
  pid: number;
  /** `host:port` of gRPC, and of HTTP. */
  grpc: string;
  rest: string;
}

export const QUEUE = 'bench';
/** Longer than any run takes. */
const TOKEN_SECONDS = 3600;
const SERVICE = 'HTTP/localhost';
const USER = 'ann';
const PASSWORD = 'of-the-benchmark';

export async function openCallers(directory: string): Promise<Callers> {
  await using opened = new AsyncDisposableStack();
  const provider = opened.use(await startTestProvider());
  const realm = opened.use(await startRealm());
  await realm.addPrincipal(USER, PASSWORD);
  await realm.addPrincipal(SERVICE);
  Object.assign(process.env, realm.environment);
  const authority = await makeTestAuthority(join(directory, 'certificates'), 'authority');
  const shown = await authority.issue('server', {
    subject: '/CN=localhost',
    names: 'DNS:localhost,IP:127.0.0.1',
  });
  const own = await authority.issue(USER, { subject: `/CN=${USER}` });

  const auth: NonNullable<ConfigInput['auth']> = {
    ...standaloneAuth,
    schemes: ['kerberos', 'basic', 'oidc', 'token', 'anonymous'],
    basic: { users: { [USER]: { password: await hashPassword(PASSWORD) } } },
    oidc: { providers: [{ issuer: provider.issuer, audience: ['armada'] }] },
    token: { encryptionKey: randomBytes(32).toString('base64') },
    mtls: { principals: [{ from: 'commonName', pattern: '*' }] },
    kerberos: {
      keytab: await realm.keytab(SERVICE),
      principals: [`${SERVICE}@${realm.name}`],
      realms: { [realm.name]: {} },
    },
  };
  const start = async (name: string, settings: ConfigInput): Promise<Served> => {
    const server = await startServer(join(directory, name), settings);
    opened.defer(async () => void (await server.kill('SIGTERM')));
    return { pid: server.process.pid ?? 0, grpc: server.address, rest: new URL(server.url).host };
  };
  const plain = await start('plain', { auth });
  const secure = await start('tls', {
    auth: { ...auth, schemes: ['mtls', ...auth.schemes] },
    tls: tlsSettings(shown, authority),
  });
  const trusted: TlsFiles = { authorityFile: authority.certFile };
  const certified: TlsFiles = { ...trusted, certificateFile: own.certFile, keyFile: own.keyFile };

  const ways: Record<string, Credentials> = {
    none: {},
    basic: { authorization: `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}` },
    oidc: { authorization: `Bearer ${await provider.clientToken(TOKEN_SECONDS)}` },
    kerberos: { tickets: await realm.ticket(USER, PASSWORD) },
  };
  const on = async (server: Served, tls: TlsFiles | undefined): Promise<Caller[]> => {
    const token = await prepare(server, tls);
    const all = { ...ways, token: { authorization: `Bearer ${token}` } };
    const prefix = tls ? 'TLS, ' : '';
    return Object.entries(all).map(([name, credentials]) => ({
      name: `${prefix}${name}`,
      credentials,
      server,
      tls,
    }));
  };
  const byCertificate = { name: 'TLS, mtls', credentials: {}, server: secure, tls: certified };
  const all = [...(await on(plain, undefined)), ...(await on(secure, trusted)), byCertificate];
  const held = opened.move();
  return { all, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

function tlsSettings(shown: KeyPair, authority: Authority): ConfigInput['tls'] {
  return {
    certificateFile: shown.certFile,
    keyFile: shown.keyFile,
    clients: { authorityFile: authority.certFile, required: false },
  };
}

/** Makes the queue, and a token for an access key of the user. */
async function prepare({ grpc }: Served, tls: TlsFiles | undefined): Promise<string> {
  using connection = connect({
    address: grpc,
    basicAuth: { username: USER, password: PASSWORD },
    ...(tls && { tls: { caFile: tls.authorityFile } }),
  });
  await createQueue(connection, { name: QUEUE });
  const { key, secret } = await createAccessKey(connection, 'for the benchmark');
  return (await exchangeAccessKey(connection, { accessKey: key?.id ?? '', secret })).token;
}
