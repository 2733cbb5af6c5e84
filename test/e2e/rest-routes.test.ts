// Every REST route of the contract whose service there is: served, and the same as by gRPC.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { type JsonValue, type MessageName, type MessageTypes, toJson } from '@armada-ts/api/json';
import { EventService, type EventStreamMessage } from '@armada-ts/api/api/event';
import { QueueServiceService } from '@armada-ts/api/api/queue';
import { SubmitService } from '@armada-ts/api/api/submit';
import { contractRoutes, type Route } from '@armada-ts/api/routes';
import { Client, credentials, type Metadata } from '@grpc/grpc-js';
import { type AnyMethod, call, methodsOfContract, type Outcome } from './calls.ts';
import { jobItem } from './items.ts';
import { ROWS, type Row, type Target } from './permission-table.ts';
import { root, type Standalone, temporaryDirectory } from './programs.ts';
import { restCall, send, spelled } from './rest-calls.ts';
import { startServer } from './server.ts';
import { createTargets } from './targets.ts';
import { authSettings, credentialsOf, OPERATOR, queueOf, STRANGER, TOKEN_SETTINGS } from './users.ts';

/** As the contract has them; see its `about`. */
interface ContractRoute {
  generation: 'modern' | 'legacy';
  verb: string;
  path: string;
  queryFields: string[];
  rpc: string | null;
  conflict?: unknown;
}

const facts = JSON.parse(readFileSync(join(root, 'test/contract/rest-routes.json'), 'utf8')) as {
  routes: ContractRoute[];
};

/** Of which there is no server yet; the executor protocol of 2021 has no routes. */
const NOT_SERVED =
  /^(?:binoculars\.Binoculars|schedulerobjects\.SchedulerReporting|api\.RetryPolicyService|lookout\.Lookout)\//;

const methods = await methodsOfContract();
const directory = await temporaryDirectory({ after });
let server: Standalone;
let client: Client;
const { done, newTarget } = createTargets(() => client);

before(async () => {
  server = await startServer(directory, {
    auth: { ...authSettings([OPERATOR, STRANGER]), schemes: ['basic', 'token'], token: TOKEN_SETTINGS },
    store: { acknowledgement: 'local' },
    scheduling: { rejectAfterMs: 3_600_000 },
  });
  client = new Client(server.address, credentials.createInsecure());
  await done(QueueServiceService.createQueue, queueOf('q2'));
  const claimed = jobItem({ clientId: 'claimed' });
  await done(SubmitService.submitJobs, { queue: 'q2', jobSetId: 'claimed', jobRequestItems: [claimed] });
});

after(async () => {
  client.close();
  await server.kill('SIGKILL');
});

/** Those of the descriptors whose method is served on this port. */
const SERVED = contractRoutes().filter(
  ({ method }) => ROWS.some(({ path }) => path === method) && !method.startsWith('/armada.operator.'),
);

function factsOf({ verb, template, method }: Route): ContractRoute | undefined {
  return facts.routes.find(
    ({ verb: its, path, rpc, conflict }) =>
      !conflict && its === verb && path === template && `/${rpc}` === method,
  );
}

test('every route of the contract is served whose service is, and where generations differ the modern one', () => {
  const wanted = facts.routes.filter(({ rpc, conflict }) => rpc && !conflict && !NOT_SERVED.test(rpc));
  const found = new Set(SERVED.map((route) => factsOf(route)?.path));
  for (const { verb, path, rpc } of wanted) assert.ok(found.has(path), `${verb} ${path} of ${rpc}`);
  assert.ok(wanted.length > 26 && SERVED.length > 26, `${wanted.length}, ${SERVED.length}`);
});

/** What tells two calls of the same kind apart. */
function normal(text: string): string {
  return (
    text
      .replaceAll(/\b01[0-9a-z]{24}\b/g, 'ID')
      .replaceAll(/\b(spare|fresh)-\d+/g, '$1')
      // Made at random, whoever asks.
      .replaceAll(/"(accessKey|secret|token|id)":"[^"]+"/g, '"$1":"..."')
      .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
      .replaceAll(/\d+:\d+:\d+:\d+/g, 'MESSAGE')
  );
}

function shown({ code, answer, error }: Outcome, { response }: Route): string {
  const json: JsonValue = answer ? toJson(response, answer as MessageTypes[MessageName]) : null;
  const { message, reason, faults } = error ?? {};
  return normal(JSON.stringify([code, json, message, reason, faults]));
}

type Ask = (row: Row, target: Target, metadata: Metadata) => Promise<Outcome>;

const byGrpc: Ask = (row, target, metadata) =>
  call(client, methods.get(row.path) as AnyMethod, row.request(target), metadata);

const MISSING: Target = {
  queue: 'missing',
  jobId: '01f3j0g1md4qx7z5qb148qnh4d',
  spare: 'missing',
  fresh: 'missing',
};

/** Names that cannot be, and an id that is none. */
const ABSURD: Target = { queue: 'no/name at all', jobId: 'none?', spare: 'no/name at all', fresh: 'ü %2F' };

const asOperator = credentialsOf(OPERATOR.name);
const asStranger = credentialsOf(STRANGER.name);

for (const route of SERVED) {
  const rows = ROWS.filter(({ path }) => path === route.method);
  const byRest: Ask = (row, target, metadata) =>
    restCall(server.url, route, row.request(target), { metadata });

  test(`${route.verb} ${route.template} answers as ${route.method} does by gRPC`, async () => {
    assert.ok(rows.length > 0, 'the permission table has no request for it');
    for (const row of rows) {
      // What is done to one target cannot be done to it again.
      const one = await newTarget('q2');
      const other = /\/Get/.test(row.path) ? one : await newTarget('q2');
      const outcomes = [await byGrpc(row, one, asOperator), await byRest(row, other, asOperator)];
      const [grpc, rest] = outcomes.map((outcome) => shown(outcome, route));
      assert.equal(rest, grpc);
      assert.ok(outcomes.every(({ code }) => code === 'OK') || row.isDone, grpc);
    }
  });

  test(`${route.verb} ${route.template} says of what there is not what gRPC says`, async () => {
    for (const row of rows) {
      // Some name nothing that might not be there.
      if (isDeepStrictEqual(row.request(MISSING), row.request(ABSURD))) continue;
      for (const target of [MISSING, ABSURD]) {
        const isMade = /Create|Upsert/.test(row.path);
        const own = (n: number): Target => (isMade ? { ...target, fresh: `${target.fresh}-${n}` } : target);
        const rest = shown(await byRest(row, own(1), asOperator), route);
        const grpc = shown(await byGrpc(row, own(2), asOperator), route);
        assert.equal(rest.replaceAll(/-[12]\b/g, ''), grpc.replaceAll(/-[12]\b/g, ''), row.path);
      }
    }
  });

  test(`${route.verb} ${route.template} refuses strangers as gRPC does`, async () => {
    const target = await newTarget('q2');
    for (const row of rows.filter(({ demand }) => demand !== 'authenticated' && demand !== 'anyone')) {
      const rest = await byRest(row, target, asStranger);
      assert.equal(shown(rest, route), shown(await byGrpc(row, target, asStranger), route));
      assert.ok(rest.code === 'PERMISSION_DENIED' || row.unknownJob, rest.code);
    }
  });

  test(`${route.verb} ${route.template} refuses what cannot be read`, async () => {
    const request = rows[0]?.request(await newTarget('q2')) ?? {};
    const { target, body } = spelled(route, request);
    const ask = async (path: string, text: string | undefined): Promise<[number | undefined, string]> => {
      const response = await send(`${server.url}${path}`, route.verb, { metadata: asOperator, body: text });
      const chunks: Buffer[] = await response.toArray();
      return [response.statusCode, Buffer.concat(chunks).toString()];
    };
    if (route.body === '*') {
      assert.notEqual(body, undefined);
      const fields = Object.keys(JSON.parse(body ?? '') as object);
      const wrong = ['{', '7', '[]', ...fields.map((field) => JSON.stringify({ [field]: [[[]]] }))];
      for (const text of wrong) {
        const [httpStatus, answer] = await ask(target, text);
        assert.equal(httpStatus, 400, `${text}: ${answer}`);
        assert.equal((JSON.parse(answer) as { code: number }).code, 3);
      }
    }
    for (const field of factsOf(route)?.queryFields ?? []) {
      const [httpStatus, answer] = await ask(`${target}?${field}=x`, undefined);
      assert.equal(httpStatus, 400, answer);
      assert.match((JSON.parse(answer) as { message: string }).message, new RegExp(`^${field}: expected`));
    }
    if (route.template.includes('{')) {
      const malformed = target.replace(/[^/]*$/, '%zz');
      assert.deepEqual(await ask(malformed, body), [400, 'Bad Request\n']);
      const missing = target.replace(/\/[^/]*$/, '/');
      assert.notEqual((await ask(missing, body))[0], 200, missing);
    }
    assert.deepEqual(await ask(`${target.split('?')[0]}/and/more`, body), [404, 'Not Found\n']);
  });
}

test('a whole stream by REST has the messages of gRPC, in their order, each once', async () => {
  for (let jobs = 0; jobs < 50; jobs++) await newTarget('q2');
  const { getJobSetEvents } = EventService;
  const request = { queue: 'q2', id: 'set', watch: false, fromMessageId: '', errorIfMissing: true };
  const { path, requestSerialize, responseDeserialize } = getJobSetEvents;
  const messages: EventStreamMessage[] = await client
    .makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, asOperator)
    .toArray();
  assert.ok(messages.length > 100, `only ${messages.length}`);
  const response = await send(`${server.url}/v1/job-set/q2/set`, 'POST', {
    metadata: asOperator,
    body: '{}',
  });
  const chunks: Buffer[] = await response.toArray();
  const lines = Buffer.concat(chunks).toString().trimEnd().split('\n');
  const results = lines.map((line) => (JSON.parse(line) as { result: JsonValue }).result);
  assert.deepEqual(
    results,
    messages.map((message) => toJson('api.EventStreamMessage', message)),
  );
});
