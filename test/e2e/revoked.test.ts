// Streams that are open when their caller is let in no longer, on a real server.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventService } from '@armada-ts/api/api/event';
import { ExecutorLinkServiceService } from '@armada-ts/api/armada/executor/v1/executor';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { Client, type ClientReadableStream, credentials, type Metadata, status } from '@grpc/grpc-js';
import type { AnyMethod } from './calls.ts';
import { type Standalone, temporaryDirectory } from './programs.ts';
import { routeOf, send, spelled } from './rest-calls.ts';
import { startServer } from './server.ts';
import { createTargets } from './targets.ts';
import { authorization, authSettings, credentialsOf, EXECUTOR, OPERATOR, OWNER, queueOf } from './users.ts';

/** Nobody goes on for longer with what they have lost. */
const BOUND_MS = 5000;

const directory = await temporaryDirectory({ after });
let server: Standalone;
let client: Client;
let httpClient: Client;

before(async () => {
  const encryptionKey = randomBytes(32).toString('base64');
  server = await startServer(directory, {
    auth: {
      ...authSettings([OPERATOR, OWNER, EXECUTOR]),
      schemes: ['basic', 'token'],
      token: { encryptionKey },
    },
    store: { acknowledgement: 'local' },
  });
  client = new Client(server.address, credentials.createInsecure());
  httpClient = new Client(new URL(server.url).host, credentials.createInsecure());
});

after(async () => {
  client.close();
  httpClient.close();
  await server.kill('SIGKILL');
});

const { done, newJob } = createTargets(() => client);

const wanted = (queue: string) => ({
  queue,
  id: 'set',
  watch: true,
  fromMessageId: '',
  errorIfMissing: false,
});

/** A stream that has begun, and how it ends. */
interface Open {
  end: Promise<string>;
}

async function opened(stream: ClientReadableStream<object>): Promise<Open> {
  const end = new Promise<string>((resolve) => {
    stream.once('error', (error: Error & { code?: number }) =>
      resolve(status[error.code ?? 0] ?? String(error)),
    );
    stream.once('end', () => resolve('OK'));
  });
  await once(stream, 'data');
  stream.resume();
  return { end };
}

function watchBy(grpc: Client, queue: string, who: Metadata, method: object): Promise<Open> {
  const { path, requestSerialize, responseDeserialize } = method as AnyMethod;
  const request = { ...wanted(queue), jobSetId: 'set', fromId: '' };
  return opened(grpc.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, who));
}

async function watchByRest(queue: string, metadata: Metadata): Promise<Open> {
  const route = routeOf(EventService.getJobSetEvents.path);
  assert.ok(route);
  const { target, body } = spelled(route, wanted(queue));
  const response = await send(`${server.url}${target}`, route.verb, { metadata, body });
  response.setEncoding('utf8');
  let text = '';
  response.on('data', (chunk: string) => (text += chunk));
  const end = once(response, 'end').then(() => {
    const last = JSON.parse(text.trim().split('\n').at(-1) ?? '') as { error?: { grpc_code: number } };
    return status[last.error?.grpc_code ?? 0] ?? '';
  });
  await once(response, 'data');
  return { end };
}

/** How streams end, those that do within the bound. */
async function endings(streams: readonly Open[]): Promise<string[]> {
  const late = sleep(BOUND_MS, 'still open', { ref: false });
  return await Promise.all(streams.map(({ end }) => Promise.race([end, late])));
}

async function newQueue(name: string): Promise<void> {
  await done(QueueServiceService.createQueue, queueOf(name));
  await newJob(name);
}

test('watches of a queue end when it takes back the right, on every door, and those of others go on', async () => {
  await newQueue('mine');
  await newQueue('kept');
  const asOwner = credentialsOf(OWNER.name);
  const { getJobSetEvents, watch } = EventService;
  const losing = await Promise.all([
    watchBy(client, 'mine', asOwner, getJobSetEvents),
    watchBy(client, 'mine', asOwner, watch),
    watchBy(httpClient, 'mine', asOwner, getJobSetEvents),
    watchByRest('mine', asOwner),
  ]);
  const keeping = await Promise.all([
    watchBy(client, 'mine', credentialsOf(OPERATOR.name), getJobSetEvents),
    watchBy(client, 'kept', asOwner, getJobSetEvents),
    watchByRest('kept', asOwner),
  ]);
  await done(QueueServiceService.updateQueue, { ...queueOf('mine'), userOwners: [OPERATOR.name] });
  assert.deepEqual(
    await endings(losing),
    losing.map(() => 'PERMISSION_DENIED'),
  );
  // Granted again, it is open again: the refusal is not remembered.
  await done(QueueServiceService.updateQueue, queueOf('mine'));
  await watchBy(client, 'mine', asOwner, getJobSetEvents);
  const others = Promise.race([...keeping.map(({ end }) => end), sleep(1500, 'all open')]);
  assert.equal(await others, 'all open');
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

test('watches and links end when the access key behind their token is deleted', async () => {
  await newQueue('keyed');
  const streams: Open[] = [];
  const keys: [string, string][] = [];
  for (const { name } of [OWNER, EXECUTOR]) {
    const basic = String(credentialsOf(name).get('authorization')[0]);
    const made = (await post('/v1/keys', basic, {})) as { key: { id: string }; secret: string };
    const pair = { accessKey: made.key.id, secret: made.secret };
    const { token } = (await post('/v1/key/token', basic, pair)) as { token: string };
    const who = authorization(`Bearer ${token}`);
    keys.push([made.key.id, basic]);
    if (name === OWNER.name) {
      streams.push(
        await watchBy(client, 'keyed', who, EventService.getJobSetEvents),
        await watchByRest('keyed', who),
      );
    } else {
      streams.push(openLink(who));
    }
  }
  for (const [id, basic] of keys) await post(`/v1/keys/${id}`, basic, undefined, 'DELETE');
  assert.deepEqual(
    await endings(streams),
    streams.map(() => 'UNAUTHENTICATED'),
  );
});

/** A link hears nothing until it is asked something, so it is given a moment to open. */
function openLink(who: Metadata): Open {
  const { path, requestSerialize, responseDeserialize } =
    ExecutorLinkServiceService.link as unknown as AnyMethod;
  const link = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, who);
  link.write({ message: { $case: 'hello', value: { executorId: 'e' } } });
  return {
    end: new Promise((resolve) => {
      link.once('error', (error: Error & { code?: number }) => resolve(status[error.code ?? 0] ?? ''));
      link.resume();
    }),
  };
}
