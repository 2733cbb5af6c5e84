// The API server is asked as the files say now: with another token, and trusted by other authorities.
import assert from 'node:assert/strict';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { inspect } from 'node:util';
import { authSchema } from '@armada-ts/server/auth/config';
import { openKubernetes } from '@armada-ts/server/auth/kubernetes/open';
import { systemClock } from '@armada-ts/server/base/clock';
import { silentLogger } from '@armada-ts/server/base/logger';
import { makeTestAuthority, replaceFile } from '../e2e/certificates.ts';
import { temporaryDirectory } from '../e2e/programs.ts';
import { startTestApiServer } from './api-server.ts';

const tools = { clock: systemClock, logger: silentLogger };
const open = (kubernetes?: object) =>
  openKubernetes(authSchema.parse({ schemes: ['kubernetes'], kubernetes }), tools);

test('the files are read again, and nobody else is believed', async () => {
  const directory = await temporaryDirectory({ after });
  await using cluster = await startTestApiServer(directory);
  const { settings } = cluster;
  const authorityFile = join(directory, 'trusted.pem');
  await copyFile(settings.authorityFile, authorityFile);
  using scheme = await open({ ...settings, authorityFile });
  const login = async () =>
    scheme?.authenticate(`Bearer ${cluster.token()}`, { peer: '', certificate: undefined });
  assert.ok(await login());

  const other = await makeTestAuthority(directory, 'other');
  await replaceFile(authorityFile, await readFile(other.certFile));
  await assert.rejects(login(), { code: 'UNAVAILABLE' });
  await replaceFile(authorityFile, await readFile(settings.authorityFile));
  assert.ok(await login());

  using renamed = await open({ ...settings, server: settings.server.replace('127.0.0.1', 'localhost') });
  const shown = `Bearer ${cluster.token()}`;
  const caller = { peer: '', certificate: undefined };
  await assert.rejects(async () => renamed?.authenticate(shown, caller), { code: 'UNAVAILABLE' });

  const ownToken = await readFile(settings.tokenFile);
  await writeFile(settings.tokenFile, cluster.token());
  using stranger = await open(settings);
  await assert.rejects(async () => stranger?.authenticate(shown, caller), { code: 'UNAVAILABLE' });
  await writeFile(settings.tokenFile, ownToken);
});

test('an API server that stands still is waited for no longer than some seconds', async () => {
  const directory = await temporaryDirectory({ after });
  await using cluster = await startTestApiServer(directory);
  using scheme = await open(cluster.settings);
  cluster.misbehave = (_, response) => {
    // Once before an answer, and once within one.
    if (cluster.asked() > 1) response.writeHead(201).write('{');
  };
  const startedMs = performance.now();
  const ask = async () =>
    scheme?.authenticate(`Bearer ${cluster.token()}`, { peer: '', certificate: undefined });
  await Promise.all([
    assert.rejects(ask(), { code: 'UNAVAILABLE' }),
    assert.rejects(ask(), { code: 'UNAVAILABLE' }),
  ]);
  assert.ok(performance.now() - startedMs < 10_000);
});

test('the log says what is to be mended, once', async () => {
  const directory = await temporaryDirectory({ after });
  await using cluster = await startTestApiServer(directory);
  const lines: unknown[] = [];
  const logger = { ...silentLogger, warn: (fields: object) => void lines.push(fields) };
  await writeFile(cluster.settings.tokenFile, cluster.token());
  const config = authSchema.parse({ schemes: ['kubernetes'], kubernetes: cluster.settings });
  using scheme = await openKubernetes(config, { ...tools, logger });
  for (let i = 0; i < 3; i++)
    await assert.rejects(
      async () => scheme?.authenticate(`Bearer ${cluster.token()}`, { peer: '', certificate: undefined }),
      { code: 'UNAVAILABLE' },
    );
  assert.equal(lines.length, 1);
  assert.match(inspect(lines[0]), /answered 401: the token in auth.kubernetes.tokenFile is not good there/);
});

test('what cannot be used is refused at the start', async () => {
  const directory = await temporaryDirectory({ after });
  await using cluster = await startTestApiServer(directory);
  const { settings } = cluster;
  const empty = join(directory, 'empty');
  await writeFile(empty, '');
  const INVALID = { code: 'INVALID_REQUEST' };
  await assert.rejects(open(), INVALID);
  for (const wrong of [
    { tokenFile: empty },
    { authorityFile: empty },
    { tokenFile: join(directory, 'none') },
  ])
    await assert.rejects(open({ ...settings, ...wrong }), INVALID);
  assert.equal(await openKubernetes(authSchema.parse({ schemes: ['basic'] }), tools), undefined);
});
