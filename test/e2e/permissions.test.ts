// Who may do what: every method that the server offers, tried by everybody.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventService, type EventStreamMessage } from '@armada-ts/api/api/event';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { SubmitService } from '@armada-ts/api/api/submit';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { type AnyMethod, call, methodsOfContract, type Outcome } from './calls.ts';
import { type Door, doorsOf } from './doors.ts';
import { jobItem } from './items.ts';
import { entriesOf, isAllowed, plain, told, wronglyRefused, wronglyServed } from './permission-judge.ts';
import { ROWS, type Row, type Target } from './permission-table.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { createTargets } from './targets.ts';
import {
  authorization,
  authSettings,
  credentialsOf,
  EXECUTOR,
  GUESSED,
  MEMBER,
  OPERATOR,
  OWNER,
  queueOf,
  type Role,
  ROLES,
  STRANGER,
  TOKEN_SETTINGS,
} from './users.ts';

const QUEUES = ['q1', 'q2'] as const;
const UNKNOWN_JOB = '01f3j0g1md4qx7z5qb148qnh4d';

const directory = await temporaryDirectory({ after });
let server: Standalone;
let client: Client;
let httpClient: Client;
const methods = await methodsOfContract();
const asOperator = credentialsOf(OPERATOR.name);

before(async () => {
  server = await startServer(directory, {
    auth: { ...authSettings([...ROLES, GUESSED]), schemes: ['basic', 'token'], token: TOKEN_SETTINGS },
    store: { acknowledgement: 'local' },
    // The executor of these tests has no nodes: no job is to be given up for that meanwhile.
    scheduling: { rejectAfterMs: 3_600_000 },
  });
  client = new Client(server.address, credentials.createInsecure());
  httpClient = new Client(new URL(server.url).host, credentials.createInsecure());
  // Whoever has been right from here is not refused for what strangers guess from here.
  for (const { name } of ROLES)
    assert.equal((await call(client, SubmitService.health as AnyMethod, {}, credentialsOf(name))).code, 'OK');
  for (const name of QUEUES) await done(QueueServiceService.createQueue, queueOf(name));
  for (const queue of QUEUES) {
    const claimed = jobItem({ clientId: 'claimed' });
    await done(SubmitService.submitJobs, { queue, jobSetId: 'claimed', jobRequestItems: [claimed] });
    await newJob(queue);
  }
});

after(async () => {
  client.close();
  httpClient.close();
  await server.kill('SIGKILL');
});

const { done, newJob, newTarget } = createTargets(() => client);

const DOORS = doorsOf(() => ({ grpc: client, http: httpClient, url: server.url }), methods);
const [GRPC, REST, ...OTHERS] = DOORS as [Door, Door, ...Door[]];

/** Ids of all events of the sets, and all queues: whatever a refused call might have touched. */
async function everything(): Promise<unknown> {
  const seen: unknown[] = [];
  for (const queue of QUEUES) {
    for (const id of ['set', 'claimed', 'none']) seen.push(await events(queue, id));
    seen.push(await done(SubmitService.getQueueInfo, { name: queue }));
  }
  seen.push(await streamed(QueueServiceService.getQueues, { num: 0 }));
  return seen;
}

const events = (queue: string, id: string): Promise<unknown[]> =>
  streamed(EventService.getJobSetEvents, {
    queue,
    id,
    watch: false,
    fromMessageId: '',
    errorIfMissing: false,
  });

async function streamed(method: object, request: object): Promise<unknown[]> {
  const { path, requestSerialize, responseDeserialize } = method as AnyMethod;
  const stream = client.makeServerStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
    request,
    asOperator,
  );
  return await stream.toArray();
}

/** Who comes by every door; the others only differ in what little they may. */
const PLAIN_ROLES = [OPERATOR, OWNER, MEMBER, STRANGER, EXECUTOR];
const rolesAt = (door: Door) => (door === GRPC || door === REST ? ROLES : PLAIN_ROLES);

/** What a queue lets them do. */
const verbsOn = (role: Role, queue: string) => (queue === 'q1' ? role.verbs : []);

test('the table has every method that the server offers, and no other', async () => {
  const offered: string[] = [];
  for (const [path, method] of methods) {
    // Any message will do: the empty one is one of every type.
    const empty = { ...method, requestSerialize: () => Buffer.alloc(0) };
    const { code } = await call(client, empty, {}, new Metadata());
    const isOpen = ROWS.some((row) => row.path === path && row.demand === 'anyone');
    // What is open may still ask for credentials in the request.
    const codes = ['UNIMPLEMENTED', 'UNAUTHENTICATED', ...(isOpen ? ['OK'] : [])];
    assert.ok(codes.includes(code), `${path}: ${code}`);
    if (code !== 'UNIMPLEMENTED') offered.push(path);
  }
  assert.ok(offered.length >= 25, offered.join(', '));
  assert.deepEqual([...new Set(ROWS.map(({ path }) => path))].sort(), offered.sort());
});

test('what only executors and servers call is not on the HTTP port', async () => {
  const target = { queue: 'q1', jobId: UNKNOWN_JOB, spare: 'q1', fresh: 'fresh' };
  const [http] = OTHERS as [Door];
  const internal = ROWS.filter(({ path }) => !http.rows.some((row) => row.path === path));
  assert.ok(internal.length >= 5);
  for (const row of internal) {
    assert.equal((await http.knock(row, target, asOperator)).code, 'UNIMPLEMENTED', row.path);
  }
});

for (const door of DOORS) {
  test(`${door.name}: nobody gets in without credentials or with wrong ones, by any method`, async () => {
    const target = { queue: 'q1', jobId: await newJob('q1'), spare: 'q1', fresh: 'fresh' };
    const before = await everything();
    const wrong = new Map([
      ['none', new Metadata()],
      ['an unknown scheme', authorization('Bearer guessed')],
    ]);
    const guessed = [credentialsOf(GUESSED.name, 'guessed'), credentialsOf('anonymous')];
    for (const row of door.rows.filter(({ demand }) => demand !== 'anyone')) {
      for (const [what, metadata] of wrong) {
        const { code, trailer } = await door.knock(row, target, metadata);
        assert.equal(code, 'UNAUTHENTICATED', `${row.path} with ${what}`);
        assert.match(String(trailer.get('www-authenticate')), /^Basic realm=/, `${row.path} with ${what}`);
      }
      // After a few of them, guesses are not even looked at.
      for (const metadata of guessed) {
        const { code } = await door.knock(row, target, metadata);
        assert.ok(['UNAUTHENTICATED', 'RESOURCE_EXHAUSTED'].includes(code), `${row.path}: ${code}`);
      }
    }
    assert.deepEqual(await everything(), before, 'something changed');
  });
}

test('credentials of every wrong form are refused as such, and never let through as anonymous', async () => {
  const right = String(asOperator.get('authorization')[0]);
  const forms = {
    'an unknown scheme': authorization('Bearer abc'),
    'no scheme': authorization('operator:secret'),
    'an empty value': authorization(''),
    'no base64': authorization('Basic ???'),
    'no password': authorization(`Basic ${Buffer.from('operator').toString('base64')}`),
    'two values in one': authorization(`${right}, ${right}`),
    'two schemes in one': authorization(`Bearer abc, ${right}`),
    'a password that goes on': authorization(`${right.slice(0, -2)}AA==`),
    'too much': authorization(`Basic ${'A'.repeat(6000)}`),
  };
  for (const [form, metadata] of Object.entries(forms)) {
    const { code, trailer } = await call(client, SubmitService.health as AnyMethod, {}, metadata);
    assert.equal(code, 'UNAUTHENTICATED', form);
    assert.match(String(trailer.get('www-authenticate')), /^Basic realm=/, form);
  }
  const anyCase = authorization(right.replace('Basic', 'bAsIc'));
  assert.equal((await call(client, SubmitService.health as AnyMethod, {}, anyCase)).code, 'OK');
});

/** What each door said to whom about what. */
const refusals = new Map<string, Map<string, string>>();

for (const door of DOORS) {
  test(`${door.name}: whoever may not is refused by every method, learns nothing and changes nothing`, async () => {
    const targets = [await newTarget('q1'), await newTarget('q2')];
    const before = await everything();
    const wrong: string[] = [];
    const refuse = async (row: Row, target: Target, role: Role): Promise<void> => {
      const outcome = await door.knock(row, target, credentialsOf(role.name));
      const fault = wronglyRefused(row, outcome, target);
      const what = `${ROWS.indexOf(row)} ${row.path} by ${role.name} on ${target.queue}`;
      if (fault !== undefined) wrong.push(`${what}: ${fault}`);
      refusals.set(what, (refusals.get(what) ?? new Map()).set(door.name, told(outcome, target)));
    };
    for (const row of door.rows) {
      for (const target of targets) {
        const roles = rolesAt(door).filter((role) => !isAllowed(role, row, verbsOn(role, target.queue)));
        await Promise.all(roles.map((role) => refuse(row, target, role)));
      }
      assert.deepEqual(wrong, []);
    }
    // Were there an operation on a whole job set, the scheduler would have carried it out by now.
    await sleep(100);
    assert.deepEqual(await everything(), before, 'something changed');
  });
}

test('all doors refuse in the same words, with the same code and reason', () => {
  assert.ok(refusals.size > ROWS.length * ROLES.length, `only ${refusals.size} refusals`);
  const different = [...refusals].filter(([, by]) => new Set(by.values()).size > 1);
  assert.deepEqual(different, []);
  const everywhere = [...refusals.values()].filter((by) => by.size === DOORS.length);
  assert.ok(everywhere.length > ROWS.length, `only ${everywhere.length} refusals by every door`);
});

for (const door of DOORS) {
  test(`${door.name}: whoever may is served by every method`, async () => {
    const wrong: string[] = [];
    const shared = await Promise.all(QUEUES.map((queue) => newTarget(queue)));
    const serve = async (row: Row, of: Target, { name }: Role): Promise<void> => {
      // What everybody may changes nothing, so all of them may find the same.
      const target = row.demand === 'authenticated' ? of : await newTarget(of.queue, row);
      const outcome = await door.knock(row, target, credentialsOf(name));
      const fault = wronglyServed(row, outcome, target);
      if (fault !== undefined) wrong.push(`${row.path} by ${name} on ${of.queue}: ${fault}`);
    };
    for (const row of door.rows) {
      const served = shared.flatMap((target) =>
        rolesAt(door)
          .filter((role) => isAllowed(role, row, verbsOn(role, target.queue)))
          .map((role) => serve(row, target, role)),
      );
      await Promise.all(served);
    }
    assert.deepEqual(wrong, []);
  });
}

for (const door of DOORS) {
  test(`${door.name}: an answer about a job of others is the answer about a job that does not exist`, async () => {
    const jobId = await newJob('q2');
    for (const row of door.rows.filter(({ unknownJob }) => unknownJob)) {
      for (const role of [STRANGER, OWNER, EXECUTOR]) {
        const answers = [];
        for (const id of [jobId, UNKNOWN_JOB]) {
          const target = { queue: 'q2', jobId: id, spare: '', fresh: '' };
          const outcome = await door.knock(row, target, credentialsOf(role.name));
          const { code, answer, error } = outcome;
          const shown = [code, Object.values(answer ?? {}).map(entriesOf), error?.message, error?.reason];
          answers.push(JSON.stringify(shown).replaceAll(id, 'ID'));
        }
        assert.equal(answers[0], answers[1], `${row.path} by ${role.name}`);
      }
    }
  });
}

/** A call about jobs of several queues. */
async function about(door: Door, method: string, request: object, who = OWNER): Promise<Outcome> {
  const row = door.rows.find(({ path }) => path === `/api.Submit/${method}`);
  assert.ok(row, `${method} by ${door.name}`);
  const target = { queue: '', jobId: '', spare: '', fresh: '' };
  return await door.knock({ ...row, request: () => request }, target, credentialsOf(who.name));
}

for (const door of DOORS) {
  test(`${door.name}: of a batch with jobs of several queues only those are touched on which the caller may do it`, async () => {
    const [set, mine, others] = [`mixed by ${door.name}`, [] as string[], [] as string[]];
    for (const _ of [1, 2]) {
      mine.push(await newJob('q1', set));
      others.push(await newJob('q2', set));
    }
    const jobIds = [others[0]!, mine[0]!, UNKNOWN_JOB, others[1]!, mine[1]!];
    const before = await events('q2', set);

    const reprioritize = { jobIds, jobSetId: '', queue: '', newPriority: 9 };
    const moved = await about(door, 'ReprioritizeJobs', reprioritize);
    assert.deepEqual(plain(moved.answer), {
      reprioritizationResults: new Map(
        jobIds.map((id) => [id, mine.includes(id) ? '' : `job "${id}" does not exist`]),
      ),
    });

    const preempt = { queue: 'q1', jobSetId: set, jobIds, reason: '' };
    const { answer } = await about(door, 'PreemptJobs', preempt);
    const { preemptionResults: results } = answer as { preemptionResults: Map<string, string> };
    const said = (id: string) => results.get(id)?.replace(id, 'ID');
    assert.deepEqual(others.map(said), [said(UNKNOWN_JOB), said(UNKNOWN_JOB)]);
    assert.notEqual(said(mine[0]!), said(UNKNOWN_JOB));

    const cancel = { jobId: others[0], jobIds, jobSetId: '', queue: '', reason: '' };
    assert.deepEqual(plain((await about(door, 'CancelJobs', cancel)).answer), { cancelledIds: mine });
    // A queue in the request narrows it; it opens nothing.
    assert.equal((await about(door, 'CancelJobs', { ...cancel, queue: 'q2' })).code, 'PERMISSION_DENIED');
    const elsewhere = await about(door, 'CancelJobs', { ...cancel, jobIds: others, queue: 'q1' });
    assert.deepEqual(plain(elsewhere.answer), { cancelledIds: [] });

    await sleep(100);
    assert.deepEqual(await events('q2', set), before, 'jobs of others were touched');
  });
}

for (const door of DOORS) {
  test(`${door.name}: of questions about jobs of several queues those about others are answered as if there were none`, async () => {
    const mine = [await newJob('q1', 'asked'), await newJob('q1', 'asked')];
    const foreign = await newJob('q2', 'asked');
    const rows = door.rows.filter(({ path }) => /^\/api\.Jobs\/GetJob(Status|Details|Errors)$/.test(path));
    assert.equal(rows.length, 3);
    for (const row of rows) {
      const answers = [];
      for (const other of [foreign, UNKNOWN_JOB]) {
        const batch: Row = {
          ...row,
          request: (target) => ({ ...row.request(target), jobIds: [mine[0], other, mine[1]] }),
        };
        const target = { queue: 'q1', jobId: other, spare: '', fresh: '' };
        const { code, answer } = await door.knock(batch, target, credentialsOf(MEMBER.name));
        assert.equal(code, 'OK', row.path);
        // By REST maps are in the order of their keys.
        const shown = Object.values(plain(answer))
          .flatMap(entriesOf)
          .map((entry) =>
            JSON.stringify(entry, (_, value: unknown) => (typeof value === 'bigint' ? '' : value)),
          )
          .map((entry) => entry.replaceAll(other, 'ID'))
          .sort()
          .join();
        for (const id of mine) assert.ok(shown.includes(id), `${row.path} leaves out ${id}`);
        answers.push(shown);
      }
      assert.equal(answers[0], answers[1], row.path);
    }
  });
}

test('a refused watch leaves the watch of somebody else alone', async () => {
  const { path, requestSerialize, responseDeserialize } = EventService.getJobSetEvents;
  const request = { queue: 'q1', id: 'knock', watch: true, fromMessageId: '', errorIfMissing: false };
  const open = (name: string) =>
    client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, credentialsOf(name));
  const watch = open(OWNER.name);
  watch.on('error', () => {});
  const first = new Promise<EventStreamMessage>((resolve) => watch.once('data', resolve));
  await assert.rejects(open(STRANGER.name).toArray(), { code: status.PERMISSION_DENIED });
  const jobId = await newJob('q1', 'knock');
  assert.equal((await first).message?.events?.value.jobId, jobId);
  watch.cancel();
});
