// Streams that are open when their caller is let in no longer, or may no longer, on a real server.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { SubmitService, type JobSubmitResponse } from '@armada-ts/api/api/submit';
import { parseConfig } from '@armada-ts/executor/config';
import { type RunningExecutor, startExecutor } from '@armada-ts/executor/executor';
import { silentLogger } from '@armada-ts/server/base/logger';
import { Client, credentials, type Metadata } from '@grpc/grpc-js';
import { stringify } from 'yaml';
import { replaceFile } from './certificates.ts';
import type { Ports } from './doors.ts';
import { jobItem } from './items.ts';
import { allEnding, endings, type Open, openLogs, openTalks, openWatches } from './open-streams.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { startServer } from './server.ts';
import { createTargets } from './targets.ts';
import {
  authorization,
  authSettings,
  credentialsOf,
  EXECUTOR,
  MEMBER,
  OPERATOR,
  OWNER,
  passwordOf,
  queueOf,
  TOKEN_SETTINGS,
} from './users.ts';

const directory = await temporaryDirectory({ after });
const usersFile = join(directory, 'users.yaml');
const auth = authSettings([OPERATOR, OWNER, MEMBER, EXECUTOR]);
const { [OPERATOR.name]: operator, [EXECUTOR.name]: steady, ...others } = auth.basic?.users ?? {};
/** One who may be taken away, beside the one that runs the jobs. */
const SECOND = 'second';

let server: Standalone;
let ports: Ports;
let executor: RunningExecutor;
/** A job that has written something and goes on. */
let talking: string;

before(async () => {
  await writeUsers({ ...others, ...(steady && { [SECOND]: steady }) });
  server = await startServer(directory, {
    auth: {
      ...auth,
      schemes: ['basic', 'token'],
      basic: {
        users: { ...(operator && { operator }), ...(steady && { [EXECUTOR.name]: steady }) },
        usersFile,
      },
      token: TOKEN_SETTINGS,
    },
    store: { acknowledgement: 'local' },
  });
  const open = (address: string) => new Client(address, credentials.createInsecure());
  ports = { grpc: open(server.address), http: open(new URL(server.url).host), url: server.url };
  executor = await startExecutor({
    config: parseConfig({
      executorId: 'runs-jobs',
      runtime: 'process',
      dataDirectory: join(directory, 'executor'),
      nodes: { count: 1, cpu: 1 },
      server: { address: server.address, username: EXECUTOR.name, password: passwordOf(EXECUTOR.name) },
    }),
    logger: silentLogger,
    environment: process.env,
  });
  await newQueue('logged');
  const item = jobItem({ command: ['sh', '-c', 'echo here; exec sleep 300'], cpu: '100m' });
  const request = { queue: 'logged', jobSetId: 'set', jobRequestItems: [item] };
  const { jobResponseItems } = (await done(SubmitService.submitJobs, request)) as JobSubmitResponse;
  talking = jobResponseItems[0]?.jobId ?? '';
});

after(async () => {
  await executor.close();
  ports.grpc.close();
  ports.http.close();
  await server.kill('SIGKILL');
});

const { done, newJob } = createTargets(() => ports.grpc);

function writeUsers(users: object): Promise<void> {
  return replaceFile(usersFile, stringify(users));
}

async function newQueue(name: string): Promise<void> {
  await done(QueueServiceService.createQueue, queueOf(name));
  if (name !== 'logged') await newJob(name);
}

const by = (who: Metadata) => ({ ports, credentials: () => who });
const byUser = (name: string, password?: string) => by(credentialsOf(name, password));

/** Follows the job, as soon as it has a log. */
async function openTalking(who: ReturnType<typeof by>): Promise<Open[]> {
  for (let tries = 0; ; tries++) {
    const streams = await openLogs(who, talking);
    const ends = await endings(streams, 100);
    if (ends.every((end) => end.endsWith('still open'))) return streams;
    assert.ok(tries < 200, String(ends));
  }
}

test('watches and logs of a queue end when it takes back the right, and those of others go on', async () => {
  await newQueue('kept');
  const losing = [
    ...(await openWatches(byUser(OWNER.name), 'logged')),
    ...(await openTalking(byUser(OWNER.name))),
  ];
  const keeping = [
    ...(await openWatches(byUser(OPERATOR.name), 'logged')),
    ...(await openLogs(byUser(OPERATOR.name), talking)),
    ...(await openWatches(byUser(OWNER.name), 'kept')),
  ];
  await done(QueueServiceService.updateQueue, { ...queueOf('logged'), userOwners: [OPERATOR.name] });
  assert.deepEqual(await endings(losing), allEnding(losing, 'PERMISSION_DENIED'));
  // Granted again, it is open again: the refusal is not remembered.
  await done(QueueServiceService.updateQueue, queueOf('logged'));
  const again = await openWatches(byUser(OWNER.name), 'logged');
  assert.deepEqual(
    await endings([...keeping, ...again], 1500),
    allEnding([...keeping, ...again], 'still open'),
  );
});

async function post(
  path: string,
  as: string,
  body?: object,
  verb = 'POST',
): Promise<Record<string, unknown>> {
  const headers = { authorization: as, ...(body && { 'content-type': 'application/json' }) };
  const response = await fetch(server.url + path, {
    method: verb,
    headers,
    ...(body && { body: JSON.stringify(body) }),
  });
  assert.equal(response.status, 200, await response.clone().text());
  return (await response.json()) as Record<string, unknown>;
}

test('streams end when the access key behind their token is deleted', async () => {
  const streams: Open[] = [];
  const keys: [string, string][] = [];
  for (const name of [OWNER.name, EXECUTOR.name]) {
    const basic = String(credentialsOf(name).get('authorization')[0]);
    const made = (await post('/v1/keys', basic, {})) as { key: { id: string }; secret: string };
    const pair = { accessKey: made.key.id, secret: made.secret };
    const { token } = (await post('/v1/key/token', basic, pair)) as { token: string };
    const who = by(authorization(`Bearer ${token}`));
    keys.push([made.key.id, basic]);
    if (name === OWNER.name) streams.push(...(await openWatches(who, 'logged')), ...(await openTalking(who)));
    else streams.push(...(await openTalks(who, 'keyed')));
  }
  for (const [id, basic] of keys) await post(`/v1/keys/${id}`, basic, undefined, 'DELETE');
  assert.deepEqual(await endings(streams), allEnding(streams, 'UNAUTHENTICATED'));
});

test('streams end when the file of users has their user no longer, or otherwise, and only those', async () => {
  const { [OWNER.name]: owner, [MEMBER.name]: member } = others;
  assert.ok(owner && member && steady);
  const password = 'secret of owner';
  const removed = [
    ...(await openWatches(byUser(OWNER.name, password), 'logged')),
    ...(await openTalking(byUser(OWNER.name, password))),
  ];
  const regrouped = [
    ...(await openTalks(byUser(SECOND, passwordOf(EXECUTOR.name)), 'second')),
    ...(await openWatches(byUser(MEMBER.name), 'logged')),
  ];
  const keeping = [
    ...(await openWatches(byUser(OPERATOR.name), 'logged')),
    ...(await openTalks(byUser(EXECUTOR.name), 'keeps')),
  ];
  // The groups of one are gone, and with them the permission of an executor; another has one more.
  await writeUsers({
    [SECOND]: { ...steady, groups: [] },
    [MEMBER.name]: { ...member, groups: [...(member.groups ?? []), 'another'] },
  });
  const losing = [...removed, ...regrouped];
  assert.deepEqual(await endings(losing), allEnding(losing, 'UNAUTHENTICATED'));
  assert.deepEqual(await endings(keeping, 500), allEnding(keeping, 'still open'));
  const again = await openWatches(byUser(MEMBER.name), 'logged');
  assert.deepEqual(await endings(again, 100), allEnding(again, 'still open'));
  const talks = await openTalks(byUser(SECOND, passwordOf(EXECUTOR.name)), 'second');
  const codes = (await endings(talks, 500)).map((end) => end.split(': ')[1]);
  assert.deepEqual(codes, ['PERMISSION_DENIED', 'PERMISSION_DENIED', 'still open']);
});
