import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { standaloneAuth } from './auth/config.ts';
import { type Config, configSchema, type ConfigSources, loadConfig, settingPaths } from './config.ts';

const directory = mkdtempSync(join(tmpdir(), 'armada-config-'));
after(() => rmSync(directory, { recursive: true }));

let files = 0;
function file(text: string): string {
  const path = join(directory, `${++files}.yaml`);
  writeFileSync(path, text);
  return path;
}

const load = (sources: Partial<ConfigSources> = {}): Config =>
  loadConfig({ defaults: { auth: standaloneAuth }, files: [], environment: {}, flags: {}, ...sources });

/** The lines of what is wrong. */
function faultsOf(sources: Partial<ConfigSources>): string[] {
  try {
    load(sources);
  } catch (error) {
    assert(error instanceof Error);
    return error.message.split('\n');
  }
  return assert.fail('there must be something wrong');
}

test('defaults, files in their order, the environment and flags: the last that speaks wins', () => {
  const lowest = { auth: standaloneAuth, grpc: { port: 1 } };
  const one = file('grpc: { port: 2, maxRequestBytes: 100000 }\nhost: one');
  const two = file('grpc: { port: 3 }');
  const environment = { ARMADA_GRPC_PORT: '4' };
  const ports = [
    load(),
    load({ defaults: lowest }),
    load({ defaults: lowest, files: [one] }),
    load({ defaults: lowest, files: [one, two] }),
    load({ defaults: lowest, files: [two, one] }),
    load({ defaults: lowest, files: [one, two], environment }),
    load({ defaults: lowest, files: [one, two], environment, flags: { grpc: { port: 5 } } }),
  ].map(({ grpc }) => grpc.port);
  assert.deepEqual(ports, [50051, 1, 2, 3, 2, 4, 5]);
  const merged = load({ files: [one, two], environment });
  assert.deepEqual(
    [merged.host, merged.grpc.maxRequestBytes],
    ['one', 100_000],
    'what the later say nothing of stays',
  );
});

test('a list is replaced as a whole, a map is merged', () => {
  const users = (name: string) => `auth: { basic: { users: { ${name}: { password: "${HASH}" } } } }`;
  const config = load({
    files: [
      file(`http: { allowedHosts: [a, b] }\n${users('ann')}`),
      file(`http: { allowedHosts: [c] }\n${users('bob')}`),
    ],
  });
  assert.deepEqual(config.http.allowedHosts, ['c']);
  assert.deepEqual(Object.keys(config.auth.basic.users), ['ann', 'bob']);
});

const HASH = `scrypt$16384$8$1$${Buffer.alloc(16, 1).toString('base64')}$${Buffer.alloc(32, 2).toString('base64')}`;

test('unknown settings are refused by their paths', () => {
  const path = file('prot: 1\ngrpc: { prot: 1, max: 2 }\nscheduling: { nested: { deep: 1 } }');
  assert.deepEqual(faultsOf({ files: [path] }).toSorted(), [
    'grpc.max: is no setting',
    'grpc.prot: is no setting',
    'prot: is no setting',
    'scheduling.nested: is no setting',
  ]);
});

test('every wrong value is named by its path', () => {
  const faults = faultsOf({
    files: [
      file('grpc: { port: 70000 }\nlogLevel: loud\nhttp: { allowedHosts: [""] }\nstore: { url: mysql }'),
    ],
    environment: { ARMADA_RETENTION_EVENTSMS: 'soon' },
  });
  assert.deepEqual(faults.map((line) => line.slice(0, line.indexOf(':'))).toSorted(), [
    'grpc.port',
    'http.allowedHosts.0',
    'logLevel',
    'retention.eventsMs',
    'store.url',
  ]);
  assert(faults.some((fault) => fault.startsWith('store.url: must be sqlite:DIRECTORY, redis://HOST:PORT')));
  assert.match(faultsOf({ defaults: {} }).join(), /^auth: must be there/);
});

test('settings of different sections must agree', () => {
  const faults = faultsOf({ environment: { ARMADA_SUBMISSION_DEFAULTPRIORITYCLASSNAME: 'other' } });
  assert.deepEqual(faults, [
    'submission.defaultPriorityClassName: must be one of armada-default, armada-preemptible, armada-resilient, got other',
  ]);
});

test('a setting is a variable of its path in capitals, whatever its case was', () => {
  const config = load({
    environment: {
      ARMADA_HOST: '0.0.0.0',
      ARMADA_GRPC_MAXREQUESTBYTES: '70000',
      ARMADA_LOGLEVEL: 'debug',
      ARMADA_HTTP_ALLOWEDHOSTS: '[a.example.com, b.example.com]',
      ARMADA_STORE_URL: 'sqlite:/var/lib/armada',
      ARMADA_SCHEDULING_MAXATTEMPTS: '7',
    },
  });
  assert.equal(config.host, '0.0.0.0');
  assert.equal(config.grpc.maxRequestBytes, 70_000);
  assert.equal(config.logLevel, 'debug');
  assert.deepEqual(config.http.allowedHosts, ['a.example.com', 'b.example.com']);
  assert.equal(config.store.url, 'sqlite:/var/lib/armada');
  assert.equal(config.scheduling.maxAttempts, 7);
});

test('texts from the environment are taken as they are', () => {
  for (const host of ['::', '::1', '1e3', 'yes', '[x', '{a: b}']) {
    assert.equal(load({ environment: { ARMADA_HOST: host } }).host, host);
  }
});

test('variables of the prefix that name no setting belong to somebody else', () => {
  const environment = {
    ARMADA_PORT: 'tcp://10.0.0.1:50051',
    ARMADA_URL: 'localhost:1',
    ARMADA_GRPC: 'x',
    ARMADA: 'y',
  };
  assert.deepEqual(load({ environment }), load());
});

test('a variable that cannot be read is named', () => {
  assert.deepEqual(faultsOf({ environment: { ARMADA_HTTP_ALLOWEDHOSTS: '[' } }), [
    'ARMADA_HTTP_ALLOWEDHOSTS: is not valid YAML',
  ]);
});

test('no two settings share a variable', () => {
  const names = settingPaths(configSchema).map((path) => path.join('_').toUpperCase());
  assert(names.length > 20);
  assert.equal(new Set(names).size, names.length);
});

test('a file that is no map of settings, no YAML or not there is named', () => {
  const list = file('- a');
  assert.deepEqual(faultsOf({ files: [list] }), [`${list}: must hold a map of settings`]);
  const broken = file('a: [');
  assert.match(faultsOf({ files: [broken] })[0] ?? '', new RegExp(`^${broken}: `));
  const missing = join(directory, 'missing.yaml');
  assert.match(faultsOf({ files: [missing] })[0] ?? '', new RegExp(`^cannot read ${missing}: `));
  assert.deepEqual(load({ files: [file('')] }), load(), 'an empty file says nothing');
});
