// A client that a public generator makes of the OpenAPI document, against the
// server that served the document.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root, type Standalone, startStandalone, temporaryDirectory } from '../e2e/programs.ts';
import { lacks, pythonWith, run } from './tools.ts';

const skip = lacks('python3', ['--version'], '3.10');

const directory = await temporaryDirectory({ after });
let python: string;
let server: Standalone;

if (skip === false) {
  before(async () => {
    python = await pythonWith('test/interop/openapi/requirements.txt');
    server = await startStandalone(join(directory, 'data'));
    await generateClient();
  });
  after(() => server?.kill('SIGKILL'));
}

/** Makes the client, as the page tells, in a directory that Python looks into. */
async function generateClient(): Promise<void> {
  const document = join(directory, 'openapi.json');
  await writeFile(document, await (await fetch(`${server.url}/api/openapi.json`)).text());
  const settings = join(directory, 'settings.yaml');
  // What it would tidy up with afterwards is not there, and not needed.
  await writeFile(settings, 'post_hooks: []\n');
  const output = join(directory, 'armada_rest_client');
  const generate = ['-m', 'openapi_python_client', 'generate', '--path', document];
  // Any warning is a failure: then a part of the client is missing.
  const options = ['--config', settings, '--output-path', output, '--meta', 'none', '--fail-on-warning'];
  const made = await run(python, [...generate, ...options]);
  assert.equal(made.stderr, '');
}

test('a client generated from the OpenAPI document does what the document says', { skip }, async () => {
  const { stderr } = await run(python, ['test/interop/openapi/scenario.py', server.url], {
    env: { PYTHONPATH: directory },
    timeoutMs: 60_000,
  });
  assert.equal(stderr, '');
});

test('the generated client of docs/rest.md does what the page says', { skip }, async () => {
  const page = await readFile(join(root, 'docs/rest.md'), 'utf8');
  const code = /<!-- generated-client:[^>]*-->\n```python\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  assert.ok(code.includes('http://localhost:8080'), 'the page has an example');
  const file = join(directory, 'example.py');
  await writeFile(file, code.replace('http://localhost:8080', server.url));
  const { stdout } = await run(python, [file], { timeoutMs: 60_000 });
  assert.equal(stdout, '2\n');
});
