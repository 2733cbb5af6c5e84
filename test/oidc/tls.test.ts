// A provider behind a certificate of its own: believed by whoever is told to, and by nobody else.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { createGetJson } from '@armada-ts/server/auth/oidc/get-json';
import { makeTestAuthority } from '../e2e/certificates.ts';
import { root, temporaryDirectory } from '../e2e/programs.ts';

test('createGetJson() trusts the authorities it is given, and checks the name', async () => {
  const authority = await makeTestAuthority(await temporaryDirectory({ after }), 'authority');
  const pair = await authority.issue('provider', { subject: '/CN=provider', names: 'DNS:localhost' });
  const server = createServer(
    { cert: await readFile(pair.certFile), key: await readFile(pair.keyFile) },
    (request, response) => {
      // As the API server of Kubernetes does: keys are of a type of their own (RFC 7517).
      const isAcceptable = request.headers.accept?.includes('application/jwk-set+json');
      response.writeHead(isAcceptable ? 200 : 406).end('{"keys":[]}');
    },
  ).listen(0, 'localhost');
  await once(server, 'listening');
  after(() => server.close());
  const { address, family, port } = server.address() as AddressInfo;
  const authorities = await readFile(authority.certFile, 'utf8');
  const trusting = createGetJson({ isLocal: true, authorities });
  const byName = new URL(`https://localhost:${port}/keys`);
  assert.deepEqual(await trusting(byName), { keys: [] });
  const byNumber = new URL(`https://${family === 'IPv6' ? `[${address}]` : address}:${port}/keys`);
  await assert.rejects(trusting(byNumber), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
  const other = createGetJson({ isLocal: true, authorities: undefined });
  await assert.rejects(other(byName), { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' });

  // What Node itself is told to trust counts where no authorities are given.
  const asking = `import { createGetJson } from '@armada-ts/server/auth/oidc/get-json';
    console.log(JSON.stringify(await createGetJson({ isLocal: true })(new URL('${byName.href}'))));`;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: authority.certFile };
  const args = ['--conditions=source', '--input-type=module', '-e', asking];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root, env });
  assert.equal(stdout, '{"keys":[]}\n');
});
