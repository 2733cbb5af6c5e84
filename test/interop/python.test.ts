// Armada's own Python package, as it comes from PyPI, against this server.
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root, type Standalone, startStandalone, temporaryDirectory } from '../e2e/programs.ts';
import { lacks, pythonWith, run } from './tools.ts';

const REQUIREMENTS = 'test/interop/python/requirements.txt';
const skip = lacks('python3', ['--version'], '3.10');

const directory = await temporaryDirectory({ after });
let python: string;
let server: Standalone;

if (skip === false) {
  before(async () => {
    python = await pythonWith(REQUIREMENTS);
    // One node that fits one job of the scenario at a time.
    server = await startStandalone(join(directory, 'data'), ['--cpu', '1', '--memory', '1Gi']);
  });
  after(() => server?.kill('SIGKILL'));
}

for (const mode of ['sync', 'asyncio']) {
  test(`the ${mode} client of armada_client does everything it can`, { skip }, async () => {
    const { stderr } = await run(python, ['test/interop/python/scenario.py', mode, server.address], {
      timeoutMs: 60_000,
    });
    assert.equal(stderr, '');
  });
}

test('tools of gRPC find out what the server has, call it by that alone, and ask for its health', {
  skip,
}, async () => {
  const { stdout } = await run(python, ['test/interop/python/reflect.py', server.address], {
    timeoutMs: 60_000,
  });
  assert.equal(stdout, 'api.Submit api.QueueService api.Event: found, called, serving\n');
});

test('the Python example of docs/clients.md prints what the page says', { skip }, async () => {
  const page = await readFile(join(root, 'docs/clients.md'), 'utf8');
  const example = /<!-- python-example:[^>]*-->\n```python\n([\s\S]*?)```\n\nIt prints ([^.]*)\./.exec(page);
  const [, code = '', said = ''] = example ?? [];
  assert.ok(code.includes('localhost:50051'), 'the page has an example');
  const file = join(directory, 'example.py');
  await writeFile(file, code.replace('localhost:50051', server.address));
  const { stdout } = await run(python, [file], { timeoutMs: 60_000 });
  const states = [...said.matchAll(/`(\w+)`/g)].map(([, state]) => state);
  assert.deepEqual(stdout.trim().split('\n'), states);
});
