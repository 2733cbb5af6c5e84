import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Queue } from '@armada-ts/api/api/queue';
import { connectFromProfile, type ProfileOverrides } from './connect-from-profile.ts';
import { getQueue } from './queues.ts';
import { startFakeServer } from './testing/fake-server.ts';

test('connectFromProfile() goes where armadactl would', async (t) => {
  const homeDirectory = await mkdtemp(join(tmpdir(), 'armada-profile-'));
  t.after(() => rm(homeDirectory, { recursive: true }));
  const file = 'currentContext: a\ncontexts:\n  a: { armadaUrl: "a:1" }\n  b: { armadaUrl: "b:2" }\n';
  await writeFile(join(homeDirectory, '.armadactl.yaml'), file);
  const addressOf = async (overrides: Parameters<typeof connectFromProfile>[0]) => {
    using connection = await connectFromProfile({ homeDirectory, environment: {}, ...overrides });
    return connection.address;
  };
  assert.equal(await addressOf({}), 'a:1');
  assert.equal(await addressOf({ contextName: 'b' }), 'b:2');
  assert.equal(await addressOf({ environment: { CURRENTCONTEXT: 'b' } }), 'b:2');
  assert.equal(await addressOf({ environment: { ARMADAURL: 'c:3' } }), 'c:3');
  assert.equal(await addressOf({ environment: { ARMADAURL: 'c:3' }, address: 'd:4' }), 'd:4');
  assert.equal(await addressOf({ homeDirectory: join(homeDirectory, 'none') }), 'localhost:50051');
  using quick = await connectFromProfile({ homeDirectory, environment: {}, retryForMs: 1 });
  assert.equal(quick.retryForMs, 1);
  await assert.rejects(addressOf({ contextName: 'x' }), { name: 'ProfileError' });
});

test('connectFromProfile() takes credentials that are named here in place of those of the file', async (t) => {
  const seen: unknown[] = [];
  await using server = await startFakeServer({
    queues: {
      getQueue: (call, callback) => {
        seen.push(call.metadata.get('authorization')[0]);
        callback(null, Queue.create());
      },
    },
  });
  const homeDirectory = await mkdtemp(join(tmpdir(), 'armada-profile-'));
  t.after(() => rm(homeDirectory, { recursive: true }));
  const own = { cmd: 'echo', args: ['of-the-file'] };
  const file = JSON.stringify({ armadaUrl: server.address, execAuth: own });
  await writeFile(join(homeDirectory, '.armadactl.json'), file);
  const call = async (overrides: ProfileOverrides) => {
    using connection = await connectFromProfile({
      homeDirectory,
      environment: { PATH: process.env['PATH'] },
      ...overrides,
    });
    await getQueue(connection, 'demo');
    return seen.pop();
  };
  assert.equal(await call({}), 'Bearer of-the-file');
  const basicAuth = { username: 'anna', password: 'secret' };
  assert.equal(await call({ basicAuth }), `basic ${Buffer.from('anna:secret').toString('base64')}`);
  assert.equal(await call({ authorization: async () => 'Bearer named' }), 'Bearer named');

  await writeFile(
    join(homeDirectory, '.armadactl.json'),
    JSON.stringify({ armadaUrl: server.address, basicAuth: { username: 'ben' } }),
  );
  const typed = await call({ askPassword: async () => 'typed' });
  assert.equal(typed, `Basic ${Buffer.from('ben:typed').toString('base64')}`);
});
