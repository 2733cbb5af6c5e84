// Access keys of somebody who comes with tickets: they are in the groups that the
// directory has now, by a real KDC and a real directory.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { temporaryDirectory } from '../e2e/programs.ts';
import { startServer } from '../e2e/server.ts';
import { type Directory, group, GROUPS, ldapSettings, PEOPLE, person, startDirectory } from './directory.ts';
import { type Realm, startRealm } from './realm.ts';

const execute = promisify(execFile);
const opened = new AsyncDisposableStack();
const home = await temporaryDirectory({ after });
let realm: Realm;
let directory: Directory;
let url: string;

before(async () => {
  realm = opened.use(await startRealm());
  await realm.addPrincipal('ann', 'secret');
  await realm.addPrincipal('HTTP/localhost');
  directory = opened.use(
    await startDirectory([person('ann'), person('bob'), group('science', 'bob')].join('')),
  );
  Object.assign(process.env, realm.environment);
  const server = await startServer(home, {
    auth: {
      schemes: ['kerberos', 'token'],
      token: { encryptionKey: randomBytes(32).toString('base64') },
      kerberos: {
        keytab: await realm.keytab('HTTP/localhost'),
        principals: ['HTTP/localhost@ARMADA.TEST'],
        realms: { 'ARMADA.TEST': {} },
        ldap: { ...ldapSettings(directory), cacheMs: 1000 },
      },
      permissionGroupMapping: { create_queue: ['science'] },
    },
  });
  opened.defer(async () => void (await server.kill('SIGTERM')));
  url = server.url.replace('127.0.0.1', 'localhost');
});
after(() => opened.disposeAsync());

async function post(path: string, body: object, authorization?: string): Promise<Response> {
  const headers = { 'content-type': 'application/json', ...(authorization && { authorization }) };
  return await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) });
}

test('an access key has the groups of its user that the directory has now', async () => {
  const json = ['--negotiate', '-u', ':', '-H', 'Content-Type: application/json', '-d', '{}'];
  const env = { ...process.env, ...(await realm.ticket('ann', 'secret')) };
  const { stdout } = await execute('curl', ['-sS', ...json, `${url}/v1/keys`], { env });
  const { key, secret } = JSON.parse(stdout) as { key: { id: string; groups?: string[] }; secret: string };
  assert.deepEqual(key.groups ?? [], []);
  const answer = await post('/v1/key/token', { accessKey: key.id, secret });
  const { token } = (await answer.json()) as { token: string };

  let queues = 0;
  const make = async (): Promise<number> => {
    const queue = { name: `q${queues++}`, priorityFactor: 1 };
    return (await post('/v1/queue', queue, `Bearer ${token}`)).status;
  };
  assert.equal(await make(), 403);
  const member = `member: uid=ann,${PEOPLE}`;
  await directory.modify(`dn: cn=science,${GROUPS}\nchangetype: modify\nadd: member\n${member}\n`);
  while ((await make()) !== 200) await sleep(100);
  await directory.modify(`dn: cn=science,${GROUPS}\nchangetype: modify\ndelete: member\n${member}\n`);
  while ((await make()) !== 403) await sleep(100);
});
