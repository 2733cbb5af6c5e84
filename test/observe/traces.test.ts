// One trace from the caller through the server to the executor, told by real
// programs to a collector; and what is not traced costs and shows nothing.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { SubmitService } from '@armada-ts/api/api/submit';
import { connect, type Connection, createQueue } from '@armada-ts/client';
import { standaloneAuth } from '@armada-ts/server/auth/config';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { type AnyMethod, call } from '../e2e/calls.ts';
import { jobItem } from '../e2e/items.ts';
import { type Program, type Standalone, temporaryDirectory } from '../e2e/programs.ts';
import { startServer } from '../e2e/server.ts';
import { startSimulatedNodes } from '../e2e/simulated-nodes.ts';
import { eventsUntil, have } from '../e2e/watching.ts';
import { type Collector, startCollector } from './collector.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const SUBMIT = 'api.Submit/SubmitJobs';

const directory = await temporaryDirectory({ after });
let collector: Collector;
let server: Standalone;
let executor: Program;
let connection: Connection;
let client: Client;

before(async () => {
  collector = await startCollector();
  const tracing = { endpoint: collector.endpoint, sampleRatio: 0 };
  const store = { acknowledgement: 'local' } as const;
  server = await startServer(directory, { auth: standaloneAuth, store, tracing });
  const runs = { minRunMs: 50, meanRunMs: 50, maxRunMs: 50 };
  const traced = { tracing: { endpoint: collector.endpoint } };
  executor = await startSimulatedNodes(directory, server.address, runs, traced);
  connection = connect({ address: server.address });
  client = new Client(server.address, credentials.createInsecure());
  await createQueue(connection, { name: 'demo' });
});

after(async () => {
  client?.close();
  // What could not be started is not there to be ended.
  connection?.close();
  await Promise.all([server?.kill('SIGKILL'), executor?.kill('SIGKILL')]);
  await collector?.[Symbol.asyncDispose]();
});

/** Submits two jobs under a traceparent and waits until they are done. */
async function submit(jobSetId: string, headers: Record<string, string>): Promise<void> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  const request = { queue: 'demo', jobSetId, jobRequestItems: [jobItem({}), jobItem({})] };
  const method = SubmitService.submitJobs as unknown as AnyMethod;
  const { code } = await call(client, method, request, metadata);
  assert.equal(code, 'OK');
  await eventsUntil(connection, { queue: 'demo', jobSetId }, have('succeeded', 2));
}

test("one trace leads from the caller's span through submit and lease to the run", async () => {
  await submit('traced', { traceparent: `00-${TRACE}-${SPAN}-01`, 'x-request-id': 'mine' });
  const runs = await collector.until('run', 2);
  const leases = await collector.until('queued', 2);
  const [submitted, ...others] = await collector.until(SUBMIT, 1);
  assert(submitted);
  assert.equal(others.length, 0);
  assert.equal(submitted.service, 'armada-server');
  assert.equal(submitted.parentSpanId, SPAN);
  assert.equal(submitted.attributes['rpc.response.status_code'], 'OK');
  assert.equal(submitted.attributes['armada.request_id'], 'mine');
  assert(submitted.endNs > submitted.startNs);
  for (const lease of leases) {
    assert.equal(lease.service, 'armada-server');
    assert.equal(lease.parentSpanId, submitted.spanId);
    assert.equal(lease.attributes['armada.executor'], 'simulated');
  }
  for (const run of runs) {
    const lease = leases.find(({ spanId }) => spanId === run.parentSpanId);
    assert.equal(run.service, 'armada-executor');
    assert.equal(run.attributes['armada.job_id'], lease?.attributes['armada.job_id']);
    assert.equal(run.attributes['armada.run_outcome'], 'succeeded');
    assert(run.endNs - run.startNs >= 50_000_000n);
  }
  assert.equal(new Set(leases.map(({ spanId }) => spanId)).size, 2);
  for (const span of collector.spans) assert.equal(span.traceId, TRACE);
  assert.deepEqual(collector.faults, []);
});

test('a trace that its caller does not keep, and one that nobody began, are not told', async () => {
  const before = collector.spans.length;
  await submit('unkept', { traceparent: `00-${TRACE}-${SPAN}-00` });
  await submit('plain', {});
  await submit('nonsense', { traceparent: 'nonsense' });
  await sleep(1500);
  assert.equal(collector.spans.length, before);
});

test('calls of other protocols and refused ones are part of their traces too', async () => {
  const headers = { traceparent: `00-${TRACE}-${SPAN}-01` };
  const path = '/v1/queue/nowhere';
  assert.equal((await fetch(server.url + path, { headers })).status, 404);
  const [span] = await collector.until('api.Submit/GetQueue', 1);
  assert.equal(span?.parentSpanId, SPAN);
  assert.equal(span.attributes['rpc.system.name'], 'rest');
  assert.equal(span.attributes['rpc.response.status_code'], 'NOT_FOUND');
  // It is the caller's mistake, not a failure of the server.
  assert.equal(span.failure, undefined);
});

test('a collector that is away stops nothing, and gets the spans when it is back', async () => {
  collector.answer = 503;
  const { requests } = collector;
  await submit('away', { traceparent: `00-${TRACE}-${SPAN}-01` });
  while (collector.requests < requests + 2) await sleep(20);
  const before = collector.spans.filter(({ name }) => name === 'run').length;
  collector.answer = 200;
  await collector.until('run', before + 2);
  assert(server.lines.some((line) => line.includes('traces do not reach their collector')));
});
