// Whatever way somebody shows who they are, they may the same on every door: some
// of the table of permissions, with people of every scheme.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ClusterServiceService } from '@armada-ts/api/armada/operator/v1/cluster';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import type { Permission } from '@armada-ts/server/auth/permissions';
import { QUEUE_VERBS } from '@armada-ts/server/model/queue';
import { Metadata } from '@grpc/grpc-js';
import { type AnyMethod, call, methodsOfContract } from './calls.ts';
import { doorsOf } from './doors.ts';
import { isAllowed, told, wronglyRefused, wronglyServed } from './permission-judge.ts';
import type { Row, Target } from './permission-table.ts';
import { temporaryDirectory } from './programs.ts';
import { send } from './rest-calls.ts';
import { type PeopleServer, type Person, SCIENTISTS, startPeopleServer } from './scheme-people.ts';
import { createTargets } from './targets.ts';
import { queueOf } from './users.ts';

const directory = await temporaryDirectory({ after });
const methods = await methodsOfContract();
let server: PeopleServer;

before(async () => {
  server = await startPeopleServer(directory);
  const shared = { ...queueOf('q2'), name: 'shared', groupOwners: SCIENTISTS };
  for (const queue of [shared, queueOf('q2')]) await done(QueueServiceService.createQueue, queue);
});
after(() => server[Symbol.asyncDispose]());

const { done, newTarget } = createTargets(() => server.grpc);

/** Of every demand some, those with a stream among them. */
const TRIED =
  /^\/(?!api\.QueueService|grpc).*\/(CreateQueue|GetQueue|GetQueueInfo|SubmitJobs|CancelJobs|GetJobSetEvents|DescribeJob|UpsertExecutorSettings|LeaseJobRuns|GetServerInfo)$/;

const SCHEMES = ['basic', 'token', 'oidc', 'kubernetes', 'kerberos', 'mtls', 'anonymous'];

const permissionsOf = ({ isInScience }: Person): Permission[] =>
  isInScience ? ['create_queue', 'operate'] : [];

/** What people of one kind were told, by what they asked, and by their scheme. */
const answers = new Map<string, Map<string, string>>();

for (const scheme of SCHEMES) {
  test(`${scheme}: on every door people may what their groups may, and nothing else`, async () => {
    const people = server.people.filter((person) => person.scheme === scheme);
    assert.equal(people.length, scheme === 'anonymous' ? 1 : 2);
    const targets = await Promise.all(['shared', 'q2'].map((queue) => newTarget(queue)));
    const wrong: string[] = [];
    for (const person of people) {
      for (const door of doorsOf(() => person.ports, methods)) {
        const found = door.rows.filter(({ path }) => TRIED.test(path));
        const rows = [...new Map(found.map((row) => [row.path, row])).values()];
        assert.ok(rows.length >= 6, `${door.name}: ${rows.length}`);
        const attempt = async (row: Row, shared: Target): Promise<void> => {
          const { queue } = shared;
          const verbs = queue === 'shared' && person.isInScience ? QUEUE_VERBS : [];
          const may = isAllowed({ permissions: permissionsOf(person) }, row, verbs);
          const target = may && row.demand !== 'authenticated' ? await newTarget(queue, row) : shared;
          const outcome = await door.knock(row, target, await person.credentials());
          const fault = may ? wronglyServed(row, outcome, target) : wronglyRefused(row, outcome, target);
          const what = `${row.path} on ${queue} by ${door.name}`;
          if (fault !== undefined) wrong.push(`${what} by ${person.name}: ${fault}`);
          remember(`${what}, ${person.isInScience}`, person, told(withoutProof(outcome), target));
        };
        for (const row of rows) await Promise.all(targets.map((target) => attempt(row, target)));
      }
    }
    assert.deepEqual(wrong, []);
  });
}

function remember(what: string, { scheme, name }: Person, text: string): void {
  const by = answers.get(what) ?? new Map<string, string>();
  answers.set(what, by.set(scheme, text.replaceAll(`"${name}\\"`, '"NAME\\"')));
}

/** Without what only some schemes have to say back, with a call that is refused too. */
function withoutProof<Told extends { trailer: Metadata }>(outcome: Told): Told {
  const isProof = String(outcome.trailer.get('www-authenticate')[0]).startsWith('Negotiate ');
  return isProof ? { ...outcome, trailer: new Metadata() } : outcome;
}

test('people of all schemes are told the same', () => {
  assert.ok(answers.size > 100, `${answers.size} answers`);
  const different = [...answers].filter(([, by]) => new Set(by.values()).size > 1);
  assert.deepEqual(different, []);
  assert.equal(Math.max(...[...answers.values()].map((by) => by.size)), SCHEMES.length);
});

test('people of all schemes are who they are on every door', async () => {
  const nothing: Target = { queue: '', jobId: '', spare: '', fresh: '' };
  for (const person of server.people) {
    for (const door of doorsOf(() => person.ports, methods)) {
      const row = door.rows.find(({ path }) => path.endsWith('/GetIdentity'));
      assert.ok(row);
      const { answer, error } = await door.knock(row, nothing, await person.credentials());
      assert.ok(answer, `${person.scheme} by ${door.name}: ${error?.message}`);
      const { name, scheme, groups } = answer as { name: string; scheme: string; groups: string[] };
      assert.deepEqual([name, scheme], [person.name, person.scheme], door.name);
      assert.equal(
        SCIENTISTS.some((one) => groups.includes(one)),
        person.isInScience,
        door.name,
      );
    }
  }
});

test('people of all schemes operate if they may, and the anonymous never', async () => {
  const getVersion = ClusterServiceService.getVersion as AnyMethod;
  for (const person of server.people) {
    const { grpc, url, tls } = await server.openOperators(person);
    const { code } = await call(grpc, getVersion, { clientVersion: '' }, await person.credentials());
    const { statusCode } = await send(`${url}/version`, 'GET', {
      metadata: await person.credentials(),
      tls,
    });
    const expected =
      person.scheme === 'anonymous'
        ? ['UNAUTHENTICATED', 401]
        : person.isInScience
          ? ['OK', 200]
          : ['PERMISSION_DENIED', 403];
    assert.deepEqual([code, statusCode], expected, `${person.scheme} ${person.name}`);
  }
});
