import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { loadConfig, settingPaths, usage } from './config-sources.ts';
import { ConfigError, parseConfig } from './config.ts';
import { nodeGroups } from './node-groups.ts';
import { nodesOf } from './nodes.ts';

test('loadConfig() lets flags win over the environment, and that over files', () => {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'armada-config-'));
  const file = path.join(directory, 'executor.yaml');
  fs.writeFileSync(file, 'pool: file\nexecutorId: file\nserver: { address: "file:1", username: me }\n');
  const environment = {
    ARMADA_EXECUTOR_EXECUTORID: '007',
    ARMADA_EXECUTOR_SERVER_ADDRESS: 'environment:1',
    ARMADA_EXECUTOR_NODES: '{count: 2, labels: {zone: a}}',
    ARMADA_EXECUTOR_SERVICE_HOST: '10.0.0.1',
  };
  const config = loadConfig(['--config', file, '--server', 'localhost:1', '--cpu', '4'], environment);
  fs.rmSync(directory, { recursive: true });
  assert.equal(config?.pool, 'file');
  assert.equal(config.executorId, '007');
  assert.deepEqual([config.server.address, config.server.username], ['localhost:1', 'me']);
  const [group] = config.nodes;
  assert.deepEqual([group?.count, group?.cpu, group?.labels], [2, '4', { zone: 'a' }]);
});

test('loadConfig() names the path of every fault', () => {
  const refuses = (args: string[], environment: Record<string, string>, message: RegExp) =>
    assert.throws(
      () => loadConfig(args, environment),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  refuses([], { ARMADA_EXECUTOR_NODES: '[{cpus: 4}]' }, /^nodes\.0\.cpus: there is no such setting$/);
  refuses(['--memory', 'lots'], {}, /^nodes\.0\.memory: must be a quantity/);
  refuses(['--runtime', 'docker'], {}, /^runtime: /);
  refuses(['--nope'], {}, /--nope/);
  refuses(['--config', '/no/such/file'], {}, /^\/no\/such\/file: /);
  const plain = { ARMADA_EXECUTOR_SERVER_TLS: 'false' };
  refuses(['--ca', 'ca.pem'], plain, /^server\.caFile: needs server\.tls/);
  refuses(['--insecure'], plain, /^server\.insecure: needs server\.tls/);
  refuses(['--cert', 'one.pem'], {}, /^server: certFile and keyFile go together/);
  const tls = loadConfig(['--ca', 'a', '--cert', 'b', '--key', 'c', '--insecure'], {})?.server;
  assert.deepEqual([tls?.caFile, tls?.certFile, tls?.keyFile, tls?.insecure], ['a', 'b', 'c', true]);
  refuses([], { ARMADA_EXECUTOR_SIMULATED_MINRUNMS: '9999' }, /^simulated: .* ascending/);
});

test('parseConfig() sends credentials to another machine over TLS, or when it is told to', () => {
  const server = (settings: object) => () =>
    parseConfig({ server: { address: 'armada.example.com:1', ...settings } });
  const message =
    /^server\.tls: must be true, .*: the credentials could be read on their way to armada\.example\.com:1$/;
  assert.throws(server({ username: 'me' }), { message });
  assert.throws(server({ tokenFile: 'token' }), { message });
  assert.throws(server({ address: 'localhost:1,armada.example.com:1', accessKeyFile: 'key' }), { message });
  for (const settings of [
    { tls: true },
    { tls: false },
    { caFile: 'ca.pem' },
    { insecure: true },
    { address: 'localhost:1,127.0.0.1:2' },
  ]) {
    assert.doesNotThrow(server({ username: 'me', ...settings }), JSON.stringify(settings));
  }
  assert.doesNotThrow(server({}), 'no credentials');
});

test('usage() names each flag, and settingPaths() each setting once', () => {
  assert.match(usage(), /--server HOST:PORT/);
  const names = settingPaths().map((setting) => setting.join('.'));
  assert.ok(names.includes('server.address') && names.includes('nodes'));
  assert.equal(new Set(names).size, names.length);
});

test('nodeGroups() shares the machine out among its nodes', () => {
  const machine = {
    cores: 8,
    memoryBytes: 10 * 2 ** 30,
    freeDiskBytes: 2 ** 40,
    platform: 'linux',
    architecture: 'x64',
  };
  const config = parseConfig({ nodes: { count: 4, memory: '3Gi', resources: { 'nvidia.com/gpu': 1 } } });
  const nodes = nodesOf(nodeGroups(config, machine));
  assert.deepEqual(
    nodes.map(({ name }) => name),
    ['local-0', 'local-1', 'local-2', 'local-3'],
  );
  const offered = Array.from(nodes[0]!.allocatableResources, ([resource, { string }]) => [resource, string]);
  assert.deepEqual(offered, [
    ['cpu', '2000m'],
    ['memory', '3Gi'],
    ['ephemeral-storage', '262144Mi'],
    ['nvidia.com/gpu', '1'],
  ]);
  const simulated = parseConfig({
    nodes: [{ name: 'big', pool: 'gpu' }, { taints: [{ key: 'a', effect: 'NoSchedule' }] }],
  });
  const [big, other] = nodesOf(nodeGroups(simulated, undefined));
  assert.deepEqual([big?.name, big?.pool], ['big-0', 'gpu']);
  assert.deepEqual([other?.name, other?.pool, other?.taints[0]?.key], ['simulated-1-0', 'default', 'a']);
});
