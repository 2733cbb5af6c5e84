import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, idOf, submitted } from '../model/testing/jobs.ts';
import { lease } from '../model/testing/job-events.ts';
import { leaseMessage } from './lease-message.ts';

test('a lease carries the stored spec, pinned to its node and pool, and leaves the stored one alone', () => {
  const job = after(submitted(), lease('r'));
  const run = job.runs[0]!;
  const podSpec = PodSpec.fromPartial({
    containers: [{ name: 'main' }],
    nodeSelector: new Map([['disk', 'ssd']]),
    terminationGracePeriodSeconds: 5n,
  });
  const spec = SubmitJob.fromPartial({
    jobId: idOf(0),
    objectMeta: { namespace: 'ns', annotations: new Map([['note', 'x']]) },
    mainObject: { object: { $case: 'podSpec', value: { podSpec } } },
  });
  const before = structuredClone(spec);
  const message = leaseMessage({ job, run }, spec);
  assert.deepEqual(
    [message.queue, message.jobset, message.user, message.groups, message.jobRunId],
    ['queue', 'set', 'ann', ['users'], 'r'],
  );
  const expected = structuredClone(spec);
  expected.objectMeta?.annotations.set('armadaproject.io/pool', 'default');
  expected.mainObject?.object?.value.podSpec?.nodeSelector.set('kubernetes.io/hostname', 'node');
  assert.deepEqual(message.job, expected);
  assert.deepEqual(spec, before);
});

test('a spec without a pod goes out as it is', () => {
  const job = after(submitted(), lease('r'));
  const spec = SubmitJob.create({ jobId: idOf(0) });
  assert.deepEqual(leaseMessage({ job, run: job.runs[0]! }, spec).job, spec);
});
