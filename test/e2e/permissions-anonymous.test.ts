// The table of permissions once more, where whoever comes without credentials is
// let in: as somebody in the group `everyone`, and never with wrong credentials.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { SubmitService } from '@armada-ts/api/api/submit';
import { EVERYONE } from '@armada-ts/server/auth/principal';
import type { Permission } from '@armada-ts/server/auth/permissions';
import { QUEUE_VERBS, type QueueVerb } from '@armada-ts/server/model/queue';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { type AnyMethod, call, methodsOfContract } from './calls.ts';
import { type Door, doorsOf } from './doors.ts';
import { isAllowed, told, wronglyRefused, wronglyServed } from './permission-judge.ts';
import { ROWS, type Row, type Target } from './permission-table.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { createTargets } from './targets.ts';
import {
  authorization,
  authSettings,
  credentialsOf,
  GUESSED,
  OPERATOR,
  OWNER,
  queueOf,
  type Role,
  STRANGER,
  TOKEN_SETTINGS,
} from './users.ts';

const ANONYMOUS: Role = { name: 'anonymous', permissions: [], verbs: [] };
const USERS = [OPERATOR, OWNER, STRANGER];
/** What the configuration gives to all who are let in. */
const EVERYBODY_MAY: readonly Permission[] = ['cordon_queue', 'cancel_any_jobs'];

/** Queues, and who may do what there besides those with permissions for all queues. */
const QUEUES: Readonly<Record<string, (role: Role) => readonly QueueVerb[]>> = {
  q1: ({ verbs }) => verbs,
  q2: () => [],
  open: () => QUEUE_VERBS,
  unowned: ({ name }) => (name === ANONYMOUS.name ? QUEUE_VERBS : []),
};

const directory = await temporaryDirectory({ after });
const methods = await methodsOfContract();
let server: Standalone;
let grpc: Client;
let http: Client;

before(async () => {
  const auth = authSettings([...USERS, GUESSED]);
  const mapping: Partial<Record<Permission, string[]>> = { ...auth.permissionGroupMapping };
  for (const one of EVERYBODY_MAY) mapping[one] = [...(mapping[one] ?? []), EVERYONE];
  server = await startServer(directory, {
    auth: {
      ...auth,
      schemes: ['basic', 'token', 'anonymous'],
      token: TOKEN_SETTINGS,
      permissionGroupMapping: mapping,
    },
    store: { acknowledgement: 'local' },
    // Nobody runs the jobs: they are not to be given up for that meanwhile.
    scheduling: { rejectAfterMs: 3_600_000 },
  });
  grpc = new Client(server.address, credentials.createInsecure());
  http = new Client(new URL(server.url).host, credentials.createInsecure());
  // Whoever has been right from here is not refused for what strangers guess from here.
  for (const { name } of USERS)
    assert.equal((await call(grpc, SubmitService.health as AnyMethod, {}, credentialsOf(name))).code, 'OK');
  for (const queue of [
    queueOf('q1'),
    queueOf('q2'),
    { ...queueOf('q2'), name: 'open', groupOwners: [EVERYONE] },
    { ...queueOf('q2'), name: 'unowned', userOwners: [ANONYMOUS.name] },
  ])
    await done(QueueServiceService.createQueue, queue);
});

after(async () => {
  grpc.close();
  http.close();
  await server.kill('SIGKILL');
});

const { done, newTarget } = createTargets(() => grpc);
const DOORS = doorsOf(() => ({ grpc, http, url: server.url }), methods);

function metadataOf(role: Role): Metadata {
  return role === ANONYMOUS ? new Metadata() : credentialsOf(role.name);
}

/** Keys are of those who can be told apart. */
function isRefusedAsAnonymous(role: Role, { path, demand }: Row): boolean {
  return role === ANONYMOUS && demand === 'authenticated' && /\/(Create|List)Keys?$/.test(path);
}

/** That users have what everybody has is the same on the doors of one kind. */
const rolesOf = ({ name }: Door) => (/^(gRPC|REST)$/.test(name) ? [ANONYMOUS, ...USERS] : [ANONYMOUS]);

for (const door of DOORS) {
  test(`${door.name}: by every method the anonymous may what everybody may, and nothing else`, async () => {
    const refusedIn = await Promise.all(Object.keys(QUEUES).map((queue) => newTarget(queue)));
    const wrong: string[] = [];
    const attempt = async (row: Row, shared: Target, role: Role): Promise<void> => {
      const permissions = [...role.permissions, ...EVERYBODY_MAY];
      const verbs = QUEUES[shared.queue]?.(role) ?? [];
      const may = isAllowed({ permissions }, row, verbs) && !isRefusedAsAnonymous(role, row);
      const isOwn = may && row.demand !== 'authenticated';
      const target = isOwn ? await newTarget(shared.queue, row) : shared;
      const outcome = await door.knock(row, target, metadataOf(role));
      const fault = may ? wronglyServed(row, outcome, target) : wronglyRefused(row, outcome, target);
      if (fault !== undefined) wrong.push(`${row.path} by ${role.name} on ${shared.queue}: ${fault}`);
      // The anonymous are told the same as any user who may as little.
      if (role !== ANONYMOUS || may || shared.queue === 'unowned' || isRefusedAsAnonymous(role, row)) return;
      const stranger = await door.knock(row, shared, metadataOf(STRANGER));
      const [one, other] = [outcome, stranger].map((each) =>
        told(each, shared).replaceAll(/anonymous|stranger/g, 'USER'),
      );
      if (one !== other) wrong.push(`${row.path} on ${shared.queue}: ${one} is not ${other}`);
    };
    for (const row of door.rows) {
      await Promise.all(
        refusedIn.flatMap((target) => rolesOf(door).map((role) => attempt(row, target, role))),
      );
    }
    assert.deepEqual(wrong, []);
  });

  test(`${door.name}: wrong credentials make nobody anonymous, by any method`, async () => {
    const target = await newTarget('open');
    const wrong: string[] = [];
    const forms = {
      'a token of nobody': authorization('Bearer guessed'),
      'an unknown scheme': authorization('Unknown guessed'),
      nothing: authorization(''),
      'a wrong password': credentialsOf(GUESSED.name, 'guessed'),
      'the name alone': credentialsOf(ANONYMOUS.name, ''),
    };
    for (const row of door.rows.filter(({ demand }) => demand !== 'anyone')) {
      for (const [form, metadata] of Object.entries(forms)) {
        const { code } = await door.knock(row, target, metadata);
        // After a few of them, guesses are not even looked at.
        if (code === 'UNAUTHENTICATED' || (code === 'RESOURCE_EXHAUSTED' && /name|password/.test(form)))
          continue;
        wrong.push(`${row.path} with ${form}: ${code}`);
      }
    }
    assert.deepEqual(wrong, []);
  });
}

test('what is open to anyone does not look at credentials', async () => {
  const rows = ROWS.filter(({ demand }) => demand === 'anyone');
  assert.ok(rows.length >= 5);
  const target = await newTarget('q2');
  for (const door of DOORS) {
    for (const row of rows.filter((each) => door.rows.includes(each))) {
      const outcome = await door.knock(row, target, authorization('Bearer guessed'));
      assert.equal(wronglyServed(row, outcome, target), undefined, `${row.path} by ${door.name}`);
    }
  }
});
