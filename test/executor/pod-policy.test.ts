// What an executor refuses by its own policy, with either runtime: each forbidden
// field reaches it in a lease, as from a server that lets everything through.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventSequence_Event } from '@armada-ts/api/armadaevents/armadaevents';
import type { JobRunLease } from '@armada-ts/api/executorapi/executorapi';
import { type ExecutorConfigInput, parseConfig } from '@armada-ts/executor/config';
import { startExecutor } from '@armada-ts/executor/executor';
import { type Sample, sampleLease } from './lease.ts';
import { startSampleServer } from './server.ts';

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const directory = await mkdtemp(join(tmpdir(), 'armada-executor-policy-'));
after(() => rm(directory, { recursive: true, force: true }));

const POLICY: ExecutorConfigInput['podPolicy'] = {
  level: 'baseline',
  allowed: { namespaces: ['default'], imageRegistries: ['docker.io/library'] },
  exceptions: [
    { queues: ['trusted'], level: 'off', allowed: {} },
    { queues: ['public'], level: 'restricted' },
  ],
};

const ENDS = new Set(['jobRunSucceeded', 'jobRunErrors']);

const image = 'alpine:3';
const named = { name: 'other', image, command: ['true'] };

/** What is asked for, and the field that the refusal names. */
const REFUSED: [string, Sample][] = [
  ['pod_spec.hostNetwork', { spec: { hostNetwork: true } }],
  ['pod_spec.hostPID', { spec: { hostPID: true } }],
  [
    'pod_spec.volumes[0].hostPath',
    { spec: { volumes: [{ name: 'v', volumeSource: { hostPath: { path: '/' } } }] } },
  ],
  [
    'pod_spec.initContainers[0].securityContext.privileged',
    { spec: { initContainers: [{ ...named, securityContext: { privileged: true } }] } },
  ],
  [
    'pod_spec.ephemeralContainers[0].securityContext.capabilities.add[0]',
    {
      spec: {
        ephemeralContainers: [
          {
            ephemeralContainerCommon: {
              ...named,
              securityContext: { capabilities: { add: ['SYS_ADMIN'] } },
            },
          },
        ],
      },
    },
  ],
  [
    'annotations[container.apparmor.security.beta.kubernetes.io/main]',
    { annotations: { 'container.apparmor.security.beta.kubernetes.io/main': 'unconfined' } },
  ],
  ['pod_spec.containers[0].image', { spec: { containers: [{ ...named, image: 'evil.example.org/x' }] } }],
  ['pod_spec.containers[0].securityContext.runAsNonRoot', { queue: 'public' }],
];

/** The same runs, but for one that nothing is to be said against. */
const STARTED: Sample[] = [{}, { queue: 'trusted', spec: { hostNetwork: true } }];

const leaseOf = (sample: Sample): JobRunLease =>
  sampleLease('', { ...sample, spec: { containers: [{ ...named, name: 'main' }], ...sample.spec } });

type Event = NonNullable<EventSequence_Event['event']>;

/** What is told of each run, in order, once all have ended. */
async function toldOf(runtime: 'simulated' | 'process', leases: readonly JobRunLease[]): Promise<Event[][]> {
  const server = await startSampleServer();
  const config = parseConfig({
    executorId: 'executor-a',
    server: { address: server.address },
    runtime,
    dataDirectory: join(directory, runtime),
    nodes: { count: 1, cpu: 4, name: 'local' },
    simulated: { minRunMs: 5, meanRunMs: 5, maxRunMs: 5 },
    podPolicy: POLICY,
  });
  const executor = await startExecutor({ config, logger: silent, environment: process.env });
  try {
    await until(() => server.requests.length > 0);
    for (const lease of leases) server.lease(lease);
    const told = () =>
      leases.map(({ jobRunId }) =>
        server.events.flatMap(({ event }) =>
          event && 'runId' in event.value && event.value.runId === jobRunId ? [event] : [],
        ),
      );
    await until(() => told().every((events) => ENDS.has(events.at(-1)?.$case ?? '')));
    return told();
  } finally {
    await executor.close();
    server.kill();
  }
}

for (const runtime of ['simulated', 'process'] as const) {
  test(`an executor with the runtime ${runtime} starts nothing that its policy refuses, and names the field`, async () => {
    const refused = REFUSED.map(([, sample]) => leaseOf(sample));
    const told = await toldOf(runtime, [...refused, ...STARTED.map(leaseOf)]);
    REFUSED.forEach(([field], i) => {
      const kinds = told[i]?.map(({ $case }) => $case);
      assert.equal(kinds?.includes('jobRunRunning'), false, field);
      const end = told[i]?.at(-1);
      assert.equal(end?.$case, 'jobRunErrors', field);
      const reason = end.value.errors[0]?.reason;
      assert.equal(reason?.$case, 'podError', field);
      const expected = `the executor's pod policy refuses it: ${field} must `;
      assert.ok(reason.value.message.startsWith(expected), `${field}: ${reason.value.message}`);
    });
    for (const events of told.slice(REFUSED.length)) assert.equal(events.at(-1)?.$case, 'jobRunSucceeded');
    if (runtime !== 'process') return;
    const folders = ['runs', 'ended'].map((name) => readdir(join(directory, runtime, name)));
    const kept = (await Promise.all(folders)).flat();
    for (const { jobRunId } of refused) assert.equal(kept.includes(jobRunId), false, 'nothing is kept of it');
  });
}

async function until(isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 10_000; !isSo(); ) {
    assert.ok(Date.now() < end, 'it did not happen within 10 s');
    await sleep(5);
  }
}
