// A program in Go, with stubs generated from the protos, against this server:
// as a user, and as an executor.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { before, test } from 'node:test';
import { root, startStandalone, temporaryDirectory } from '../e2e/programs.ts';
import { kept, lacks, run } from './tools.ts';

const MODULE = 'test/interop/go';
// No toolchain but the one that is there, and no settings but those of the module.
const env = { GOTOOLCHAIN: 'local', GOWORK: 'off', CGO_ENABLED: '0' };
const skip = lacks('go', ['version'], '1.25');
let program: string;

if (skip === false) before(async () => (program = await build()));

test('a Go program waits for the server, uses it, and is an executor', { skip }, async (t) => {
  const directory = await temporaryDirectory(t);
  const port = await freePort();
  const started = Promise.withResolvers<void>();
  const running = run(program, [`127.0.0.1:${port}`], {
    timeoutMs: 90_000,
    onOutput: (text) => {
      if (text.includes('waiting')) started.resolve();
    },
  });
  await Promise.race([started.promise, running]);
  // No nodes of its own: the Go program is the executor.
  const server = await startStandalone(join(directory, 'data'), [
    '--nodes',
    '0',
    '--grpc-port',
    String(port),
  ]);
  t.after(() => server.kill('SIGKILL'));
  assert.equal((await running).stdout, 'waiting\ndone\n');
});

/** Builds the program, with its stubs, unless it is there already. */
async function build(): Promise<string> {
  const sources = readdirSync(join(root, MODULE)).filter((name) => /\.(?:go|mod|sum|yaml)$/.test(name));
  const protos = ['api/proto', 'api/googleapis'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.proto'))
      .map((name) => join(folder, name)),
  );
  const directory = join(root, MODULE);
  const plugins = await kept({
    name: 'go-plugins',
    inputs: [`${MODULE}/go.mod`, `${MODULE}/go.sum`],
    make: async (path) => {
      const names = [
        'google.golang.org/protobuf/cmd/protoc-gen-go',
        'google.golang.org/grpc/cmd/protoc-gen-go-grpc',
      ];
      await run('go', ['build', '-o', `${path}/`, ...names], { directory, env });
    },
  });
  return await kept({
    name: 'go-program',
    inputs: [...sources.map((name) => `${MODULE}/${name}`), ...protos].sort(),
    make: async (path) => {
      const tools = [plugins, join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter);
      const services = ['--path', 'api/proto/api', '--path', 'api/proto/executorapi'];
      await run('buf', ['generate', '--template', `${MODULE}/buf.gen.yaml`, ...services], {
        env: { PATH: tools },
      });
      await run('go', ['build', '-o', path, '.'], { directory, env });
    },
  });
}

/** A port that nothing listens on now. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  server.close();
  await once(server, 'close');
  return address.port;
}
