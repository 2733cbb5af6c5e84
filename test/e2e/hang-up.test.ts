// SIGHUP: what a service manager sends to have files read again, and a terminal when it is closed.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
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

test('SIGHUP does not end a server that is still starting', async (t) => {
  const asked = Promise.withResolvers<void>();
  // A Redis that is away in the worst way: it is waited for.
  const silent = createServer(() => asked.resolve()).listen(0, '127.0.0.1');
  t.after(() => silent.close());
  await once(silent, 'listening');
  const server = startProgram('server/main.ts', [], {
    ARMADA_STORE_URL: `redis://127.0.0.1:${(silent.address() as AddressInfo).port}`,
    ARMADA_AUTH_SCHEMES: '[anonymous]',
    ARMADA_GRPC_PORT: '0',
    ARMADA_HTTP_PORT: '0',
    ARMADA_OPERATOR_DIRECTORY: join(directory, 'starting'),
  });
  t.after(() => server.kill('SIGKILL'));
  const ended = once(server.process, 'exit').then(() => assert.fail(server.lines.join('\n')));
  await Promise.race([asked.promise, ended]);
  server.process.kill('SIGHUP');
  await server.line(/SIGHUP.*whenever they change/);
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
