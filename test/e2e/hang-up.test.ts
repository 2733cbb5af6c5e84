// SIGHUP: what a service manager sends to have files read again, and a terminal when it is closed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { root, startProgram, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';

const directory = await temporaryDirectory({ after });

test('SIGHUP ends neither server nor executor, and they say why there is nothing to do', async (t) => {
  const server = await startServer(join(directory, 'service'), { auth: { schemes: ['anonymous'] } });
  const args = ['--server', server.address, '--data', join(directory, 'executor')];
  const executor = startProgram('executor/main.ts', args);
  t.after(() => void [server, executor].map((program) => program.process.kill('SIGKILL')));
  await executor.line(/executor started/);
  for (const program of [server, executor]) {
    program.process.kill('SIGHUP');
    await program.line(/SIGHUP.*whenever they change/);
  }
  assert.equal((await fetch(`${server.url}/health`)).status, 204);
  assert.equal(await executor.kill('SIGTERM'), 0);
  assert.equal(await server.kill('SIGTERM'), 0);
});

test('an Armada that was started in a terminal ends with it', async () => {
  const data = join(directory, 'terminal');
  const flags = ['--data', data, '--grpc-port', '0', '--http-port', '0'];
  const start = `exec ${join(root, 'server/bin/armada-server')} standalone ${flags.join(' ')}`;
  const terminal = spawn('script', ['-qec', start, '/dev/null'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ARMADA_OPERATOR_GRPC_PORT: '0', ARMADA_OPERATOR_HTTP_PORT: '0' },
  });
  const shown = createInterface({ input: terminal.stdout });
  let url = '';
  for await (const line of shown) {
    url = /REST +(\S+)\/api/.exec(line)?.[1] ?? '';
    if (url !== '') break;
  }
  assert.equal((await fetch(`${url}/health`)).status, 204);
  terminal.kill('SIGKILL');
  await once(terminal, 'exit');
  for (let tries = 0; await isThere(url); tries++) {
    assert.ok(tries < 200, 'it still serves');
    await sleep(50);
  }
});

function isThere(url: string): Promise<boolean> {
  return fetch(`${url}/health`).then(
    () => true,
    () => false,
  );
}
