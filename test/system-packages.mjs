// Installs what the tests need of the system besides Node: Redis, of which they
// start servers of their own, openssl, for certificates, curl, which the
// documentation uses, a browser, a KDC and a directory, and what it takes to build
// the package kerberos, so it runs before set-up. On whatever Node the system has,
// hence plain JavaScript. `npm start` needs none of it.
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Debian package of each program. */
const PACKAGES = {
  'redis-server': 'redis-server',
  'redis-sentinel': 'redis-sentinel',
  'redis-cli': 'redis-tools',
  openssl: 'openssl',
  curl: 'curl',
  chromium: 'chromium',
  krb5kdc: 'krb5-kdc',
  'kadmin.local': 'krb5-admin-server',
  kinit: 'krb5-user',
  slapd: 'slapd',
  ldapmodify: 'ldap-utils',
  'krb5-config': 'libkrb5-dev',
  'g++': 'g++',
  make: 'make',
  python3: 'python3',
};

const missing = Object.keys(PACKAGES).filter((program) => !isInstalled(program));
if (missing.length > 0) {
  const packages = [...new Set(missing.map((program) => PACKAGES[program]))];
  const mayInstall = process.getuid?.() === 0 && isInstalled('apt-get');
  if (!mayInstall) {
    fail(
      `the tests need ${missing.join(', ')}; install them, on Debian with: sudo apt-get install ${packages.join(' ')}`,
    );
  }
  process.stderr.write(`setup: ${packages.join(', ')}\n`);
  run('apt-get', ['update', '-q']);
  run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages]);
}

/** Servers lie where only root looks for programs. */
function isInstalled(program) {
  const directories = (process.env.PATH ?? '').split(delimiter);
  return [...directories, '/usr/sbin'].some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function run(command, parameters) {
  // In run level 1 no service is started: the tests have their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const done = spawnSync(command, parameters, { stdio: ['ignore', 'ignore', 'inherit'], env });
  if (done.status !== 0) fail(`${command} ${parameters.join(' ')} ended with ${done.status ?? done.signal}`);
}

function fail(message) {
  process.stderr.write(`setup: ${message}\n`);
  process.exit(1);
}
