import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { root } from '../e2e/programs.ts';
import { environment, packAll, run, stageSources } from './stage.ts';

let directory = '';
let project = '';
let tarballs: string[] = [];

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'armada-packages-'));
  const sources = join(directory, 'sources');
  await stageSources(sources);
  tarballs = await packAll(sources, join(directory, 'tarballs'));
  // What is installed must not find its way back to where it was built.
  await rm(sources, { recursive: true, force: true });
  project = join(directory, 'project');
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }\n');
  await run(project, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund', ...tarballs);
});

after(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));

test('packages hold what is meant to be published, and ask for each other in this version', async () => {
  assert.equal(tarballs.length, 5);
  for (const tarball of tarballs) {
    const files = (await run(directory, 'tar', '-tzf', tarball)).trim().split('\n');
    for (const file of ['package/package.json', 'package/README.md', 'package/LICENSE']) {
      assert.ok(files.includes(file), `${tarball} has no ${file}`);
    }
    const strays = files.filter(
      (file) => !file.endsWith('.d.ts') && /\.ts$|\.test\.|\/testing\/|buildinfo/.test(file),
    );
    assert.deepEqual(strays, []);
  }
  const manifest = async (name: string) =>
    JSON.parse(await readFile(join(project, 'node_modules/@armada-ts', name, 'package.json'), 'utf8')) as {
      version: string;
      dependencies: Record<string, string>;
    };
  const { version, dependencies } = await manifest('armadactl');
  assert.equal(dependencies['@armada-ts/api'], version);
  assert.equal(dependencies['@armada-ts/client'], version);
  assert.equal((await manifest('api')).version, version);
});

const PROGRAM = `
import { createQueue, submitJob } from '@armada-ts/client';
import { startDevServer } from '@armada-ts/client/dev-server';
await using server = await startDevServer();
const armada = server.connection;
await createQueue(armada, { name: 'demo' });
const job = await submitJob(armada, { queue: 'demo', command: ['echo', 'packed'], cpu: '100m', memory: '16Mi' });
const result = await job.result({ mustSucceed: true });
console.log(result.state, result.exitCode, (await job.output()).trim());
`;

test('a program of an empty project runs a job on a server of its own', async () => {
  await writeFile(join(project, 'program.mjs'), PROGRAM);
  assert.equal(await run(project, process.execPath, 'program.mjs'), 'succeeded 0 packed\n');
});

test('a TypeScript program finds the types', async () => {
  const options = {
    target: 'es2024',
    module: 'nodenext',
    lib: ['es2024', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    noEmit: true,
  };
  await writeFile(join(project, 'program.ts'), PROGRAM);
  await writeFile(join(project, 'wrong.ts'), `${PROGRAM}\nexport const code: string = result.exitCode;\n`);
  const check = (file: string) =>
    writeFile(
      join(project, 'tsconfig.json'),
      JSON.stringify({ compilerOptions: options, files: [file] }),
    ).then(() => run(project, join(root, 'node_modules/.bin/tsc'), '-p', '.'));
  await check('program.ts');
  await assert.rejects(check('wrong.ts'), /wrong\.ts.*TS2322/);
});

test('the programs start', async () => {
  const bin = (name: string) => join(project, 'node_modules/.bin', name);
  assert.match(await run(project, bin('armadactl'), 'version'), /^armadactl \d+\.\d+\.\d+ \(Node 2/);
  assert.match(await run(project, bin('armada-executor'), '--help'), /usage/i);
  const args = ['standalone', '--grpc-port', '0', '--http-port', '0', '--data', join(directory, 'data')];
  const free = { ARMADA_OPERATOR_GRPC_PORT: '0', ARMADA_OPERATOR_HTTP_PORT: '0' };
  const server = spawn(bin('armada-server'), args, { cwd: project, env: { ...environment, ...free } });
  const lines: string[] = [];
  createInterface({ input: server.stderr }).on('line', (line) => lines.push(line));
  let address: string | undefined;
  let docs: string | undefined;
  for await (const line of createInterface({ input: server.stdout })) {
    address ??= /gRPC\s+(\S+:\d+)/.exec(line)?.[1];
    docs = /REST\s+(http:\S+)/.exec(line)?.[1];
    if (docs) break;
  }
  assert.ok(address && docs, lines.join('\n'));
  assert.match(
    await run(project, bin('armadactl'), '--armadaUrl', address, 'create', 'queue', 'demo'),
    /demo/,
  );
  // The page comes out of a package of others, and the document out of generated code.
  for (const part of [docs, `${docs}/swagger-ui-bundle.js`, new URL('openapi.json', docs)]) {
    assert.equal((await fetch(part)).status, 200, String(part));
  }
  server.kill('SIGTERM');
  const [code] = await once(server, 'exit');
  assert.equal(code, 0, lines.join('\n'));
});

test('startDevServer() says what is missing without the server', async () => {
  const installed = join(project, 'node_modules/@armada-ts/server');
  await rename(installed, join(directory, 'server'));
  await writeFile(
    join(project, 'alone.mjs'),
    `import { startDevServer } from '@armada-ts/client/dev-server';
startDevServer().catch((error) => console.log(error.message));`,
  );
  const said = await run(project, process.execPath, 'alone.mjs');
  await rename(join(directory, 'server'), installed);
  assert.match(said, /^startDevServer\(\) needs the package @armada-ts\/server: add it .*\n$/);
});
