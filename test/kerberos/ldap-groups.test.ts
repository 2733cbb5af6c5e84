// Groups of users from a real directory, also when it changes, and when it is away.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { kerberosSchema } from '@armada-ts/server/auth/kerberos/config';
import { createLdapGroups, type Groups } from '@armada-ts/server/auth/kerberos/ldap-groups';
import { silentLogger } from '@armada-ts/server/base/logger';
import { type Directory, group, GROUPS, PEOPLE, person, READER, startDirectory } from './directory.ts';

const opened = new AsyncDisposableStack();
let directory: Directory;
const CACHE_MS = 1000;

before(async () => {
  const posix = `dn: cn=lab,${GROUPS}\nobjectClass: posixGroup\ncn: lab\ngidNumber: 7\nmemberUid: ann\n\n`;
  const people = [person('ann'), person('bob'), person('eve*')];
  const groups = [group('science', 'ann', 'bob'), group('admins', 'ann'), posix];
  directory = opened.use(await startDirectory([...people, ...groups].join('')));
});
after(() => opened.disposeAsync());

function groupsBy(settings: object = {}): { groups: Groups; pass: (ms: number) => void } {
  const { url, authorityFile, passwordFile } = directory;
  const ldap = {
    url,
    authorityFile,
    realm: 'ARMADA.TEST',
    bindName: READER,
    bindPasswordFile: passwordFile,
    userSearchBase: PEOPLE,
    groupSearchBase: GROUPS,
    cacheMs: CACHE_MS,
    ...settings,
  };
  const parsed = kerberosSchema.parse({ keytab: 'k', principals: ['HTTP/a@A'], ldap });
  let nowMs = 0;
  const clock = { now: () => nowMs, elapsed: () => nowMs };
  assert(parsed.ldap);
  return {
    groups: createLdapGroups(parsed.ldap, { clock, logger: silentLogger }),
    pass: (ms) => void (nowMs += ms),
  };
}

const sorted = async (found: Promise<readonly string[]>): Promise<string[]> => [...(await found)].sort();

test('groups name their members by entry, over TLS', async () => {
  const { groups } = groupsBy({ groupNameSuffix: '@corp' });
  assert.deepEqual(await sorted(groups.of('ann@ARMADA.TEST')), ['admins@corp', 'science@corp']);
  assert.deepEqual(await groups.of('bob@ARMADA.TEST'), ['science@corp']);
});

test('groups name their members by user name, and TLS begins on a plain connection', async () => {
  const byName = { userSearchBase: undefined, groupFilter: '(memberUid={name})' };
  const { groups } = groupsBy({ ...byName, url: directory.plainUrl, startTls: true });
  assert.deepEqual(await groups.of('ann@ARMADA.TEST'), ['lab']);
});

test('whoever is not in the directory, or of another realm, is in no group', async () => {
  const { groups } = groupsBy();
  for (const client of ['nobody@ARMADA.TEST', 'ann@OTHER.TEST', 'ann/admin@ARMADA.TEST'])
    assert.deepEqual(await groups.of(client), [], client);
});

test('a name means nothing in a filter but itself', async () => {
  const { groups } = groupsBy();
  for (const name of ['*', 'a*', 'ann)(uid=*', 'ann)(|(uid=*)', 'nobody)(uid=ann'])
    assert.deepEqual(await groups.of(`${name}@ARMADA.TEST`), [], name);
  await directory.modify(group('stars', 'eve*').replace('\n', '\nchangetype: add\n'));
  assert.deepEqual(await groups.of('eve*@ARMADA.TEST'), ['stars']);
});

test('what has changed is known when what was remembered is old', async () => {
  const { groups, pass } = groupsBy();
  assert.deepEqual(await groups.of('bob@ARMADA.TEST'), ['science']);
  const leave = `dn: cn=science,${GROUPS}\nchangetype: modify\ndelete: member\nmember: uid=bob,${PEOPLE}\n`;
  await directory.modify(leave);
  assert.deepEqual(await groups.of('bob@ARMADA.TEST'), ['science']);
  pass(CACHE_MS);
  assert.deepEqual(groups.lastKnown('bob@ARMADA.TEST'), ['science'], 'answers at once');
  for (let tries = 0; tries < 100 && groups.lastKnown('bob@ARMADA.TEST')?.length; tries++) await sleep(10);
  assert.deepEqual(groups.lastKnown('bob@ARMADA.TEST'), []);
});

test('an authority that is not trusted, or a wrong password, is an outage and not a user without groups', async () => {
  const wrong = [
    { authorityFile: undefined },
    { bindPasswordFile: directory.authorityFile },
    { groupSearchBase: 'ou=nowhere,dc=armada,dc=test' },
    { userFilter: '(objectClass=inetOrgPerson)' },
  ];
  for (const settings of wrong) {
    const { groups } = groupsBy(settings);
    await assert.rejects(groups.of('ann@ARMADA.TEST'), { code: 'UNAVAILABLE' }, JSON.stringify(settings));
  }
});

test('an outage is bridged for those who are known, for an hour', async () => {
  const { groups, pass } = groupsBy();
  await groups.of('ann@ARMADA.TEST');
  await directory.kill();
  pass(CACHE_MS);
  assert.deepEqual(await sorted(groups.of('ann@ARMADA.TEST')), ['admins', 'science']);
  await assert.rejects(groups.of('bob@ARMADA.TEST'), { code: 'UNAVAILABLE' });
  pass(60 * 60_000);
  await assert.rejects(groups.of('ann@ARMADA.TEST'), { code: 'UNAVAILABLE' });
  await directory.restart();
  assert.deepEqual(await sorted(groups.of('ann@ARMADA.TEST')), ['admins', 'science']);
});
