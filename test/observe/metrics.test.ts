// Metrics of a real server with a real executor: readable by a strict reader, true,
// and not for everybody where operators are.
import assert from 'node:assert/strict';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { SubmitService } from '@armada-ts/api/api/submit';
import { connect, type Connection, cordonQueue, createQueue } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { jobItem } from '../e2e/items.ts';
import { callHttps } from '../e2e/operator-calls.ts';
import { type Program, type Standalone, temporaryDirectory } from '../e2e/programs.ts';
import { operatorOf, startServer } from '../e2e/server.ts';
import { startSimulatedNodes } from '../e2e/simulated-nodes.ts';
import { eventsUntil, have } from '../e2e/watching.ts';
import { type Family, parseExposition } from './exposition.ts';

const directory = await temporaryDirectory({ after });
let server: Standalone;
let executor: Program;
let metricsUrl: string;
let connection: Connection;

before(async () => {
  const store = { acknowledgement: 'local' } as const;
  server = await startServer(directory, { auth: standaloneAuth, store, metrics: { port: 0 } });
  [, metricsUrl = ''] = await server.line(/metrics (http:\S+)/);
  const quick = { minRunMs: 20, meanRunMs: 20, maxRunMs: 20 };
  executor = await startSimulatedNodes(directory, server.address, quick);
  connection = connect({ address: server.address });
});

after(async () => {
  // What could not be started is not there to be ended.
  connection?.close();
  await Promise.all([server?.kill('SIGKILL'), executor?.kill('SIGKILL')]);
});

async function submit(queue: string, count: number, cpu: string): Promise<void> {
  const jobRequestItems = Array.from({ length: count }, () => jobItem({ cpu }));
  await connection.call(SubmitService.submitJobs, { queue, jobSetId: 'set', jobRequestItems });
}

async function scrape(): Promise<Map<string, Family>> {
  const answer = await fetch(metricsUrl, { signal: AbortSignal.timeout(10_000) });
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
  return parseExposition(await answer.text());
}

type Labels = Record<string, string>;

/** The sum of the samples of this name that have these labels. */
function sumOf(families: Map<string, Family>, name: string, labels: Labels = {}): number {
  return [...families.values()]
    .flatMap(({ samples }) => samples)
    .filter((one) => one.name === name)
    .filter((one) => Object.entries(labels).every(([key, value]) => one.labels[key] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

test('what was done is counted, and the figures add up', async () => {
  const queue = 'counted';
  await createQueue(connection, { name: queue, priorityFactor: 2 });
  const before = await scrape();
  await submit(queue, 25, '1');
  await eventsUntil(connection, { queue, jobSetId: 'set' }, have('succeeded', 25));
  await assert.rejects(submit('nowhere', 1, '1'));

  const families = await scrape();
  const sum = (name: string, labels: Labels = {}): number =>
    sumOf(families, name, labels) - sumOf(before, name, labels);
  const submits = { grpc_service: 'api.Submit', grpc_method: 'SubmitJobs', protocol: 'grpc' };
  assert.equal(sum('grpc_server_started_total', submits), 2);
  assert.equal(sum('grpc_server_handled_total', { ...submits, grpc_code: 'OK' }), 1);
  assert.equal(sum('grpc_server_handled_total', { ...submits, grpc_code: 'NotFound' }), 1);
  assert.equal(sum('grpc_server_handling_seconds_count', submits), 2);
  assert.equal(sum('grpc_server_msg_received_total', submits), 2);
  assert.equal(sum('grpc_server_msg_sent_total', submits), 1);
  // Submitted, queued, leased, pending, running, succeeded, of each job.
  const watches = { grpc_service: 'api.Event', grpc_method: 'GetJobSetEvents' };
  assert(sum('grpc_server_msg_sent_total', watches) >= 25 * 6);
  assert.equal(sum('armada_scheduler_scheduled_jobs', { queue }), 25);
  const decided = 'armada_scheduler_job_state_counter_by_queue';
  assert.equal(sum(decided, { queue, state: 'leased' }), 25);
  assert.equal(sum(decided, { queue, state: 'succeeded' }), 25);
  assert(sum('armada_scheduler_scheduling_cycle_times_count') > 0);
  assert(sum('armada_store_log_entries_total') > 0);
  assert(sum('armada_store_appends_total', { outcome: 'applied' }) > 0);
  assert(sum('armada_store_append_seconds_count') > 0);
});

test('queues, clusters and the server are told as they are', async () => {
  const queue = 'waiting';
  await createQueue(connection, { name: queue, priorityFactor: 4 });
  await cordonQueue(connection, queue);
  await submit(queue, 3, '2500m');
  const families = await scrape();
  const sum = (name: string, labels: Labels = {}): number => sumOf(families, name, labels);
  assert.equal(sum('armada_queue_size', { queue, queueName: queue }), 3);
  assert.equal(sum('armada_queue_priority', { queue }), 4);
  assert.equal(sum('armada_queue_cordoned', { queue }), 1);
  assert.equal(sum('armada_queue_distinct_scheduling_keys', { queue }), 1);
  assert.equal(sum('armada_job_queued_seconds_count', { queue }), 3);
  assert.equal(sum('armada_queue_resource_queued', { queue, resourceType: 'cpu' }), 7.5);
  assert.equal(sum('armada_queue_resource_queued', { queue, resourceType: 'memory' }), 3 * 16 * 1024 ** 2);
  const cluster = { cluster: 'simulated', pool: 'default' };
  assert.equal(sum('armada_cluster_nodes', cluster), 20);
  assert.equal(sum('armada_cluster_capacity', { ...cluster, resourceType: 'cpu' }), 320);
  assert.equal(sum('armada_cluster_available_capacity', { ...cluster, resourceType: 'cpu' }), 320);
  assert.equal(sum('armada_scheduler_fair_share', { pool: 'default', queue }), 1);
  assert.equal(sum('armada_scheduler_leader_status'), 1);
  assert.equal(sum('armada_server_info', { acknowledgement: 'local' }), 1);
  assert(sum('process_resident_memory_bytes') > 10_000_000);
});

test('a watcher is a subscription of its user for as long as it watches', async () => {
  const watching = new AbortController();
  await createQueue(connection, { name: 'watched' });
  await submit('watched', 1, '1');
  const subscriptions = async (): Promise<number> =>
    sumOf(await scrape(), 'armada_event_api_active_subscriptions', { user: 'anonymous' });
  const before = await subscriptions();
  const seen = eventsUntil(connection, { queue: 'watched', jobSetId: 'set' }, () => watching.signal.aborted);
  await until(async () => (await subscriptions()) === before + 1);
  watching.abort();
  await submit('watched', 1, '1');
  await seen;
  await until(async () => (await subscriptions()) === before);
});

test('the operator port tells the same to operators alone', async () => {
  const access = await operatorOf(server, directory);
  const ask = async (authorization?: string): Promise<{ status: number; body: string }> => {
    const headers = authorization === undefined ? {} : { authorization };
    const options = { ca: access.authority, servername: 'localhost', agent: false, headers };
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      get(new URL('/metrics', access.url), options, resolve).on('error', reject);
    });
    return { status: answer.statusCode ?? 0, body: await text(answer) };
  };
  assert.equal((await ask()).status, 401);
  assert.equal((await ask('Bearer nonsense')).status, 401);
  const told = await ask(access.authorization);
  assert.equal(told.status, 200);
  assert(parseExposition(told.body).has('grpc_server_handled_total'));
  // The port for users has no such page.
  assert.equal((await fetch(`${server.url}/metrics`)).status, 404);
});

test('a call is found in the log by the id that comes back in a header', async () => {
  const access = await operatorOf(server, directory);
  const { authorization } = access;
  const body = { component: 'rpc', level: 'debug' };
  const turned = await callHttps(access, { method: 'PUT', path: '/log/level', authorization, body });
  assert.equal(turned.status, 200);
  const answer = await fetch(`${server.url}/v1/queue/nowhere`);
  assert.equal(answer.status, 404);
  const requestId = answer.headers.get('x-request-id') ?? '';
  assert.notEqual(requestId, '');
  const [line = ''] = await server.line(new RegExp(`^.*"requestId":"${requestId}".*$`));
  const told = JSON.parse(line) as Record<string, unknown>;
  assert.equal(told['msg'], 'call');
  assert.equal(told['part'], 'rpc');
  assert.equal(told['protocol'], 'rest');
  assert.equal(told['principal'], 'anonymous');
  assert.equal(told['code'], 'NOT_FOUND');
  assert.equal(told['reason'], 'QUEUE_NOT_FOUND');
});

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await isSo()); ) assert(Date.now() < deadline, 'not in 10 s');
}
