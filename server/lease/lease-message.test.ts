import { ObjectMeta, SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { type JobRunLease, LeaseStreamMessage } from '@armada-ts/api/executorapi/executorapi';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { after, idOf, submitted } from '../model/testing/jobs.ts';
import { lease } from '../model/testing/job-events.ts';
import { encodeLease } from './lease-message.ts';

function leaseOf(spec: Uint8Array): JobRunLease {
  const job = after(submitted(), lease('r'));
  const { event } = LeaseStreamMessage.decode(encodeLease({ job, run: job.runs[0]! }, spec));
  assert(event?.$case === 'lease');
  return event.value;
}

/** A spec with much in it, so that lengths take more than a byte. */
function specOf(): SubmitJob {
  const podSpec = PodSpec.fromPartial({
    containers: [{ name: 'main', args: ['x'.repeat(20_000)] }],
    nodeSelector: new Map([
      ['disk', 'ssd'],
      ['kubernetes.io/hostname', 'wanted'],
    ]),
    terminationGracePeriodSeconds: 5n,
  });
  return SubmitJob.fromPartial({
    jobId: idOf(0),
    objectMeta: { namespace: 'ns', annotations: new Map([['note', 'x'.repeat(200)]]) },
    mainObject: { object: { $case: 'podSpec', value: { podSpec } }, objectMeta: { name: 'other' } },
    priority: 7,
  });
}

test('a lease carries the stored spec, pinned to its node and pool', () => {
  const spec = specOf();
  const message = leaseOf(SubmitJob.encode(spec).finish());
  assert.deepEqual(
    [message.queue, message.jobset, message.user, message.groups, message.jobRunId],
    ['queue', 'set', 'ann', ['users'], 'r'],
  );
  spec.objectMeta?.annotations.set('armadaproject.io/pool', 'default');
  spec.mainObject?.object?.value.podSpec?.nodeSelector.set('kubernetes.io/hostname', 'node');
  assert.deepEqual(message.job, spec);
});

test('fields of a later version of the spec go along', () => {
  // Field 1000, length-delimited.
  const unknown = Buffer.from([0xc2, 0x3e, 0x03, 0x6e, 0x65, 0x77]);
  const message = leaseOf(Buffer.concat([SubmitJob.encode(specOf()).finish(), unknown]));
  assert(message.job);
  const again = Buffer.from(SubmitJob.encode(message.job).finish());
  assert.deepEqual(again.subarray(-unknown.length), unknown);
});

test('a spec without a pod goes out as it is', () => {
  const spec = SubmitJob.create({ jobId: idOf(0) });
  assert.deepEqual(leaseOf(SubmitJob.encode(spec).finish()).job, spec);
});

test('nothing but what is set is added', () => {
  assert.equal(ObjectMeta.encode(ObjectMeta.create()).finish().length, 0);
  assert.equal(PodSpec.encode(PodSpec.create()).finish().length, 0);
});
