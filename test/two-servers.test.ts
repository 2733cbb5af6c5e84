// The example of two servers, as somebody would type it into a shell, on ports of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { root, temporaryDirectory } from './e2e/programs.ts';
import { freePort } from './free-port.ts';

const EXAMPLE = 'docs/examples/two-servers';
const PORTS = ['6379', '50051', '50052', '8081', '8082', '8628', '8629', '8728', '8729'];
const SHELL_MS = 120_000;

test('docs/examples/two-servers goes on when its leader is killed', async (t) => {
  const directory = await temporaryDirectory(t);
  const ports = new Map<string, string>();
  for (const port of PORTS) ports.set(port, String(await freePort()));
  const replaced = (text: string): string =>
    text.replaceAll(new RegExp(`\\b(${PORTS.join('|')})\\b`, 'g'), (port) => ports.get(port) ?? port);

  await mkdir(join(directory, EXAMPLE), { recursive: true });
  await symlink(join(root, 'node_modules'), join(directory, 'node_modules'));
  await cp(join(root, EXAMPLE), join(directory, EXAMPLE), { recursive: true });
  for (const file of await readdir(join(directory, EXAMPLE))) {
    const path = join(directory, EXAMPLE, file);
    await writeFile(path, replaced(await readFile(path, 'utf8')));
  }
  const page = await readFile(join(directory, EXAMPLE, 'README.md'), 'utf8');
  const blocks = [...page.matchAll(/<!-- two-servers\b[^>]*-->\n```sh\n([\s\S]*?)```/g)].map(
    ([, block]) => block,
  );
  assert.ok(blocks.length >= 5, 'the page has commands');

  const { code, output } = await shell(directory, blocks.join('\n'));
  assert.equal(code, 0, `${output}\n${await logs(join(directory, 'data'))}`);
  assert.match(output, /all twelve jobs succeeded/);
  assert.match(output, /^still here$/m);
  const [before = '', afterwards = ''] = output.match(/^\{"servers":.*$/gm) ?? [];
  assert.equal(before.match(/"alive":true/g)?.length, 2, before);
  assert.equal(afterwards.match(/"alive":true/g)?.length, 1, afterwards);
  for (let job = 1; job <= 12; job++) assert.match(output, new RegExp(`\\[.*${job} succeeded`), output);
});

/** What the programs wrote. */
async function logs(data: string): Promise<string> {
  const files = (await readdir(data)).filter((file) => file.endsWith('.log'));
  const texts = files.map(async (file) => `${file}:\n${await readFile(join(data, file), 'utf8')}`);
  return (await Promise.all(texts)).join('\n');
}

/** Runs commands; what is still running after a failure is ended with its process group. */
async function shell(cwd: string, commands: string): Promise<{ code: number | null; output: string }> {
  const child = spawn('sh', ['-ec', commands], {
    cwd,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HOME: cwd },
  });
  const { pid = 0 } = child;
  const timer = setTimeout(() => process.kill(-pid, 'SIGKILL'), SHELL_MS);
  try {
    const exited = once(child, 'exit').then(([code]) => {
      if (code !== 0) process.kill(-pid, 'SIGKILL');
      return code as number | null;
    });
    const [code, ...outputs] = await Promise.all([exited, text(child.stdout), text(child.stderr)]);
    return { code, output: outputs.join('') };
  } finally {
    clearTimeout(timer);
  }
}
