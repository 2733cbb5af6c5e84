// What docs/security.md shows is taken by the server as it stands there.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { promisify } from 'node:util';
import { hashPassword } from '@armada-ts/server/auth/password';
import { loadConfig } from '@armada-ts/server/config';
import { parse } from 'yaml';
import { root, startProgram, temporaryDirectory } from './e2e/programs.ts';
import { shownBlocks } from './security-page.ts';

const directory = await temporaryDirectory({ after });
const hash = await hashPassword('secret');

test('every configuration is one that a server takes', async () => {
  const pods: string[] = [];
  let configurations = 0;
  for (const [index, { heading, text }] of (await shownBlocks('yaml')).entries()) {
    if ('volumes' in parse(text)) {
      pods.push(heading);
      continue;
    }
    const file = join(directory, `${index}.yaml`);
    await writeFile(file, text.replace('scrypt$16384$8$5$...', hash));
    const defaults = { auth: { schemes: ['basic'] } };
    assert.doesNotThrow(() => loadConfig({ defaults, files: [file], environment: {}, flags: {} }), heading);
    configurations++;
  }
  assert.deepEqual(pods, ['Kubernetes service accounts']);
  assert.ok(configurations >= 12, `${configurations} configurations`);
});

test('a server with a certificate of its own is believed by who was given its authority', async (t) => {
  const blocks = await shownBlocks('yaml');
  const { text } = blocks.find((block) => block.text.includes('selfSigned')) ?? assert.fail();
  const tls = join(directory, 'tls');
  const file = join(directory, 'self-signed.yaml');
  const own = { auth: { schemes: ['basic'] }, grpc: { port: 0 }, http: { port: 0 } };
  await writeFile(file, text.replace('/var/lib/armada/tls', tls).replace('0.0.0.0', '127.0.0.1'));
  const others = join(directory, 'others.yaml');
  await writeFile(others, JSON.stringify(own));
  const program = startProgram('server/main.ts', ['--config', file, '--config', others], {
    ARMADA_STORE_URL: `sqlite:${join(directory, 'store')}`,
    ARMADA_OPERATOR_DIRECTORY: join(directory, 'operator'),
  });
  t.after(() => program.kill('SIGKILL'));
  const [, grpc = '', http = ''] = await program.line(/gRPC \S+:(\d+), health https:\/\/\S+:(\d+)\/health/);
  const run = promisify(execFile);
  const ca = join(tls, 'ca.pem');
  const code = ['-o', '/dev/null', '-w', '%{http_code}'];
  const asked = (...args: string[]) =>
    run('curl', ['-sS', ...code, ...args]).then(
      ({ stdout }) => stdout,
      (error: { code: number }) => `exit ${error.code}`,
    );
  const health = [
    `https://armada.example.com:${http}/health`,
    '--resolve',
    `armada.example.com:${http}:127.0.0.1`,
  ];
  assert.equal(await asked('--cacert', ca, ...health), '204');
  assert.equal(await asked(...health), 'exit 60');
  const armadactl = join(root, 'armadactl/bin/armadactl');
  const refused = run(armadactl, ['--armadaUrl', `localhost:${grpc}`, '--ca', ca, 'get', 'queue', 'demo']);
  await assert.rejects(refused, /credentials are needed/);
});
