// What the pod policy refuses, tried over the wire: each forbidden field in each place
// where the schema has it, by gRPC and REST at the server, and at an executor that a
// server lets everything through to.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { JobSubmitRequest, type JobSubmitRequestItem, SubmitService } from '@armada-ts/api/api/submit';
import { toJson } from '@armada-ts/api/json';
import { Container, PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { FORBIDDEN, type Place, placesOf } from '@armada-ts/api/policy/testing/pods';
import { createQueue } from '@armada-ts/client';
import { Client, credentials } from '@grpc/grpc-js';
import { type AnyMethod, call } from './calls.ts';
import { type LocalServer, startLocalServer, startPretending } from './in-process.ts';
import { jobItem } from './items.ts';
import { temporaryDirectory } from './programs.ts';
import { eventsUntil, have } from './watching.ts';

const directory = await temporaryDirectory({ after });
let server: LocalServer;
let client: Client;

before(async () => {
  const exceptions = [{ queues: ['trusted'], level: 'off' as const }];
  server = await startLocalServer(directory, {
    submission: { podPolicy: { exceptions }, minTerminationGracePeriodSeconds: 1 },
  });
  client = new Client(server.app.grpcAddress, credentials.createInsecure());
  for (const name of ['demo', 'trusted']) await createQueue(server.connection, { name });
});

after(async () => {
  client.close();
  await server[Symbol.asyncDispose]();
});

interface Case {
  /** The place, and the value that is forbidden there. */
  what: string;
  field: string;
  item: JobSubmitRequestItem;
}

const CASES: readonly Case[] = Object.entries(FORBIDDEN).flatMap(([name, values]) => {
  const [message = '', field = ''] = name.split('.');
  return placesOf(message, field).flatMap((place) => values.map((value) => caseOf(place, value)));
});

/** A job with nothing wrong but the one thing. */
function caseOf({ field, specWith }: Place, value: unknown): Case {
  const [whole] = jobItem({ cpu: '100m' }).podSpecs;
  const [main] = whole?.containers ?? [];
  const spec = PodSpec.fromPartial(specWith(value));
  const completed = (given: Partial<Container>): Container => {
    const ports = given.ports?.map((port) => ({ ...port, containerPort: 80 }));
    return Container.fromPartial({ ...main, ...kept(given), ...(ports && { ports }) });
  };
  const { containers } = spec;
  const podSpec = {
    ...whole,
    ...kept(spec),
    containers: (containers.length > 0 ? containers : [{}]).map(completed),
    initContainers: spec.initContainers.map((one) => ({ ...completed(one), name: 'init' })),
  };
  const item = { ...jobItem({}), podSpecs: [PodSpec.fromPartial(podSpec)] };
  return { what: `${field} = ${JSON.stringify(value)}`, field, item };
}

/** What is set of a message. */
function kept(message: object): object {
  return Object.fromEntries(
    Object.entries(message).filter(([, value]) => {
      if (Array.isArray(value)) return value.length > 0;
      return value instanceof Map ? value.size > 0 : value !== undefined;
    }),
  );
}

const requestOf = (queue: string, item: JobSubmitRequestItem): JobSubmitRequest =>
  JobSubmitRequest.fromPartial({ queue, jobSetId: 'set', jobRequestItems: [item] });

test('the server refuses each forbidden field by gRPC and REST, and names it', async () => {
  assert.ok(CASES.length > 120, `only ${CASES.length} cases`);
  for (const { what, field, item } of CASES) {
    const request = requestOf('demo', item);
    const byGrpc = await call(client, SubmitService.submitJobs as AnyMethod, request);
    assert.equal(byGrpc.code, 'INVALID_ARGUMENT', what);
    const place = `job_request_items[0].pod_specs[0].${field}`;
    assert.ok(byGrpc.error?.message.includes(`${place} must `), `${what}: ${byGrpc.error?.message}`);
    const byRest = await fetch(`${server.app.httpUrl}/v1/job/submit`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(toJson('api.JobSubmitRequest', request)),
    });
    assert.equal(byRest.status, 400, what);
    const { faults } = (await byRest.json()) as { faults: { field: string }[] };
    assert.deepEqual(
      faults.map((fault) => fault.field),
      [place],
      what,
    );
  }
});

test('an executor refuses them all once more, where its server lets them through', async (t) => {
  const executor = await startPretending(directory, server.app.grpcAddress, {
    executorId: 'strict',
    nodes: { cpu: 64, memory: '64Gi' },
    podPolicy: { level: 'baseline' },
    runMs: 1,
  });
  t.after(() => executor.close());
  const jobRequestItems = [...CASES.map(({ item }) => item), jobItem({ cpu: '100m' })];
  const request = JobSubmitRequest.fromPartial({ queue: 'trusted', jobSetId: 'set', jobRequestItems });
  const submitted = await call(client, SubmitService.submitJobs as AnyMethod, request);
  assert.equal(submitted.code, 'OK', submitted.error?.message);
  const events = await eventsUntil(
    server.connection,
    { queue: 'trusted', jobSetId: 'set' },
    (seen) => have('failed', CASES.length)(seen) && have('succeeded', 1)(seen),
  );
  const { jobResponseItems } = submitted.answer as { jobResponseItems: { jobId: string }[] };
  const reasons = new Map(
    events.flatMap(({ body }) => (body.$case === 'failed' ? [[body.value.jobId, body.value.reason]] : [])),
  );
  CASES.forEach(({ what, field }, i) => {
    const reason = reasons.get(jobResponseItems[i]?.jobId ?? '') ?? '';
    assert.ok(reason.includes(`pod_spec.${field} must `), `${what}: ${reason}`);
  });
});
