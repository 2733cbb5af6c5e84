// Installs what the tests need of the system besides Node: Redis, of which they
// start servers of their own, openssl, for certificates, curl, which the
// documentation uses, and a browser. Runs before the tests, on whatever Node the
// system has, hence plain JavaScript. `npm start` needs none of it.
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

function isInstalled(program) {
  return (process.env.PATH ?? '').split(delimiter).some((directory) => {
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
