// The API server is asked as the files say now: with another token, and trusted by other authorities.
import assert from 'node:assert/strict';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, test } from 'node:test';
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
  using scheme = open({ ...settings, authorityFile });
  const login = async () =>
    scheme?.authenticate(`Bearer ${cluster.token()}`, { peer: '', certificate: undefined });
  assert.ok(await login());

  const other = await makeTestAuthority(directory, 'other');
  await replaceFile(authorityFile, await readFile(other.certFile));
  await assert.rejects(login(), { code: 'UNAVAILABLE' });
  await replaceFile(authorityFile, await readFile(settings.authorityFile));
  assert.ok(await login());

  using renamed = open({ ...settings, server: settings.server.replace('127.0.0.1', 'localhost') });
  const shown = `Bearer ${cluster.token()}`;
  const caller = { peer: '', certificate: undefined };
  await assert.rejects(async () => renamed?.authenticate(shown, caller), { code: 'UNAVAILABLE' });

  const ownToken = await readFile(settings.tokenFile);
  await writeFile(settings.tokenFile, cluster.token());
  using stranger = open(settings);
  await assert.rejects(async () => stranger?.authenticate(shown, caller), { code: 'UNAVAILABLE' });
  await writeFile(settings.tokenFile, ownToken);
});

test('what cannot be used is refused at the start', async () => {
  const directory = await temporaryDirectory({ after });
  await using cluster = await startTestApiServer(directory);
  const { settings } = cluster;
  const empty = join(directory, 'empty');
  await writeFile(empty, '');
  const INVALID = { code: 'INVALID_REQUEST' };
  assert.throws(() => open(), INVALID);
  for (const wrong of [
    { tokenFile: empty },
    { authorityFile: empty },
    { tokenFile: join(directory, 'none') },
  ])
    assert.throws(() => open({ ...settings, ...wrong }), INVALID);
  assert.equal(openKubernetes(authSchema.parse({ schemes: ['basic'] }), tools), undefined);
});
