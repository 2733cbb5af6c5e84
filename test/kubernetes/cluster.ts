// A real API server of Kubernetes with its store, built from their modules: the part of a
// cluster that knows service accounts and their tokens. Nothing runs in it.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createDirectory, endDaemon, startDaemon, takesConnections } from '../daemons.ts';
import { curl, makeTestAuthority } from '../e2e/certificates.ts';
import { root } from '../e2e/programs.ts';
import { freePort } from '../free-port.ts';
import { kept, run } from '../interop/tools.ts';

const MODULE = 'test/kubernetes/go';
const BUILD_MS = 30 * 60_000;
const ADMIN_TOKEN = 'of-the-administrator';

export interface Cluster extends AsyncDisposable {
  directory: string;
  url: string;
  authorityFile: string;
  /** Whom tokens are of, as their claim `iss` says; publishes their keys. */
  issuer: string;
  /** Makes something by the API, below /api or /apis; gives what it answers. */
  create(path: string, body: object): Promise<Record<string, unknown>>;
  remove(path: string): Promise<void>;
  /** A token of an account that there is, named as NAMESPACE/NAME. */
  token(account: string, audience: string): Promise<string>;
  /** Kills the API server. */
  stop(): Promise<void>;
  /** Starts it again where it was. */
  start(): Promise<void>;
}

/** Builds the programs, which takes minutes, unless they are there already. */
async function build(): Promise<string> {
  return await kept({
    name: 'kube-apiserver',
    inputs: [`${MODULE}/go.mod`, `${MODULE}/go.sum`],
    make: async (path) => {
      const programs = ['k8s.io/kubernetes/cmd/kube-apiserver', 'go.etcd.io/etcd/server/v3'];
      await run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', `${path}/`, ...programs], {
        directory: join(root, MODULE),
        // No toolchain but the one that is there, and no settings but those of the module.
        env: { GOTOOLCHAIN: 'local', GOWORK: 'off', GOFLAGS: '', CGO_ENABLED: '0' },
        timeoutMs: BUILD_MS,
      });
    },
  });
}

async function startStore(
  programs: string,
  directory: string,
): Promise<{ url: string; process: ChildProcess }> {
  const port = await freePort();
  const [url, peers] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${port + 10_000}`];
  const store = await startDaemon(
    join(programs, 'server'),
    `--data-dir ${join(directory, 'etcd')} --initial-cluster default=${peers}
     --listen-client-urls ${url} --advertise-client-urls ${url}
     --listen-peer-urls ${peers} --initial-advertise-peer-urls ${peers}`.split(/\s+/),
    { isUp: () => takesConnections(port) },
  );
  return { url, process: store };
}

export async function startCluster(): Promise<Cluster> {
  const programs = await build();
  const directory = await createDirectory('cluster');
  const authority = await makeTestAuthority(directory, 'authority');
  const pair = await authority.issue('api', { subject: '/CN=api', names: 'IP:127.0.0.1' });
  const signingKey = join(directory, 'accounts.key');
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  await writeFile(signingKey, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const tokens = join(directory, 'tokens.csv');
  await writeFile(tokens, `${ADMIN_TOKEN},admin,admin,system:masters\n`);
  const store = await startStore(programs, directory);
  const port = await freePort();
  const url = `https://127.0.0.1:${port}`;
  const parameters = `--etcd-servers ${store.url} --bind-address 127.0.0.1 --secure-port ${port}
    --tls-cert-file ${pair.certFile} --tls-private-key-file ${pair.keyFile}
    --service-account-issuer ${url} --service-account-jwks-uri ${url}/openid/v1/jwks
    --service-account-signing-key-file ${signingKey} --service-account-key-file ${signingKey}
    --token-auth-file ${tokens} --authorization-mode RBAC
    --service-cluster-ip-range 10.0.0.0/24 --disable-admission-plugins ServiceAccount`.split(/\s+/);
  let api: ChildProcess;

  async function ask(method: string, path: string, body?: object): Promise<Record<string, unknown>> {
    const headers = ['-H', `authorization: Bearer ${ADMIN_TOKEN}`, '-H', 'content-type: application/json'];
    const sent = body ? ['--data', JSON.stringify(body)] : [];
    const answer = await curl('--cacert', authority.certFile, '-X', method, ...headers, ...sent, url + path);
    assert.match(answer.status, /^20[01]$/, `${method} ${path}: ${answer.body}`);
    return JSON.parse(answer.body);
  }

  const cluster: Cluster = {
    directory,
    url,
    authorityFile: authority.certFile,
    issuer: url,
    create: (path, body) => ask('POST', path, body),
    remove: async (path) => void (await ask('DELETE', path)),
    async token(account, audience) {
      const [namespace, name] = account.split('/');
      const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
      const { status } = await ask('POST', path, { spec: { audiences: [audience] } });
      return (status as { token: string }).token;
    },
    stop: () => endDaemon(api),
    async start() {
      const isUp = async (): Promise<boolean> => {
        const { body } = await curl('--cacert', authority.certFile, `${url}/readyz`);
        if (body !== 'ok') await sleep(200);
        return body === 'ok';
      };
      api = await startDaemon(join(programs, 'kube-apiserver'), parameters, { isUp });
    },
    async [Symbol.asyncDispose]() {
      await endDaemon(api);
      await endDaemon(store.process);
    },
  };
  await cluster.start();
  return cluster;
}
