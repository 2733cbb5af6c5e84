import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startFakeServer } from '@armada-ts/client/testing/fake-server';
import { serveQueues } from './testing/fake-armada.ts';
import { armadactl, temporaryDirectory } from './testing/launch.ts';

const bin = dirname(fileURLToPath(new URL('bin/armadactl', import.meta.url)));

function complete(environment: Record<string, string>, ...words: string[]): Promise<string[]> {
  return armadactl(['__complete', '--', ...words], { environment }).then(({ stdout, exitCode }) => {
    assert.equal(exitCode, 0);
    return stdout.split('\n').filter((line) => line !== '');
  });
}

test('commands, flags, values, queues, job sets and contexts are completed', async () => {
  await using server = await startFakeServer({
    queues: serveQueues('demo', 'prod'),
    submit: {
      getQueueInfo: (call, callback) => {
        const set = { name: `${call.request.name}-set`, queuedJobs: 1, leasedJobs: 0 };
        callback(null, { name: call.request.name, activeJobSets: [set] });
      },
    },
  });
  const HOME = temporaryDirectory();
  writeFileSync(
    join(HOME, '.armadactl.yaml'),
    `contexts: {here: {armadaUrl: '${server.address}'}, there: {}}`,
  );
  const environment = { HOME };
  const here = ['-c', 'here'];
  const cases: [string[], string[]][] = [
    [['ret'], ['retry']],
    [
      ['get', 'job'],
      ['job-sets', 'jobs'],
    ],
    [
      [...here, 'get', 'queue', ''],
      ['demo', 'prod'],
    ],
    [[...here, 'get', 'queues', 'demo', 'p'], ['prod']],
    [[...here, 'cancel', 'job-set', 'demo', ''], ['demo-set']],
    [[...here, 'get', 'jobs', '-q', 'prod', '--job-set', ''], ['prod-set']],
    [['get', 'jobs', '--st'], ['--state']],
    [
      ['get', 'jobs', '--state', 'r'],
      ['running', 'rejected'],
    ],
    [
      ['get', 'queues', '-o', 'j'],
      ['json', 'jsonpath='],
    ],
    [
      ['-c', ''],
      ['here', 'there'],
    ],
    [['config', 'use-context', 't'], ['there']],
    [['submit', ''], []],
    [['-c', 'there', '--armadaUrl', '127.0.0.1:1', 'get', 'queue', ''], []],
  ];
  for (const [words, expected] of cases)
    assert.deepEqual(await complete(environment, ...words), expected, words.join(' '));
  const names = await complete(environment, '');
  assert.ok(names.includes('apply') && !names.includes('__complete') && !names.includes('create-queue'));
});

test('the script works in a real bash', async () => {
  await using server = await startFakeServer({ queues: serveQueues('demo', 'prod') });
  const script = `
source <(armadactl completion bash)
try() { COMP_WORDS=("$@"); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _armadactl; echo "\${COMPREPLY[*]}"; }
try armadactl get queue ''
try armadactl uncor
complete -p armadactl
`;
  const env = {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    HOME: temporaryDirectory(),
    ARMADAURL: server.address,
  };
  const bash = spawn('bash', ['--norc', '-c', script], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  bash.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
  await once(bash, 'close');
  assert.equal(printed, 'demo prod\nuncordon\ncomplete -o default -F _armadactl armadactl\n');
});

test('there is a script for zsh and fish, and a clear word for other shells', async () => {
  for (const shell of ['zsh', 'fish']) {
    const { exitCode, stdout } = await armadactl(['completion', shell]);
    assert.equal(exitCode, 0);
    assert.match(stdout, /__complete -- /);
  }
  const { exitCode, stderr } = await armadactl(['completion', 'tcsh']);
  assert.equal(exitCode, 2);
  assert.match(stderr, /there is completion for bash, zsh, fish, not for "tcsh"/);
});
