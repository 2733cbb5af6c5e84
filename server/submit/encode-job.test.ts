import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JobSubmitRequestItem } from '@armada-ts/api/api/submit';
import { SubmitJob } from '@armada-ts/api/armadaevents/armadaevents';
import { PodSpec } from '@armada-ts/api/k8s/io/api/core/v1/core';
import { defaultedJob } from './defaults.ts';
import { encodeJob } from './encode-job.ts';
import { sampleItem, sampleRules, sampleSpec } from './testing/sample.ts';

const identity = { jobId: '01h0000000aaaaaaaaaa000000', queue: 'queue-a', jobSet: 'set-1', user: 'ann' };
const toleration = { key: 'team', operator: 'Exists', value: '', effect: '' };
const rules = sampleRules({ defaultJobTolerations: [toleration] });

/** The job as it is kept, decoded, and as it should be. */
function keptAndMeant(item: JobSubmitRequestItem): [SubmitJob, SubmitJob] {
  const job = defaultedJob(item, identity, rules);
  const given = item.podSpec ?? item.podSpecs[0] ?? PodSpec.create();
  const filled = job.mainObject?.object?.value.podSpec ?? PodSpec.create();
  const bytes = encodeJob(job, { encoded: PodSpec.encode(given).finish(), given, filled });
  return [SubmitJob.decode(bytes), SubmitJob.decode(SubmitJob.encode(job).finish())];
}

test('encodeJob() keeps what the client sent and adds the defaults', () => {
  const items = [
    sampleItem(),
    sampleItem({ podSpec: sampleSpec({ terminationGracePeriodSeconds: 0n, priorityClassName: '' }) }),
    sampleItem({
      podSpec: sampleSpec({ tolerations: [{ key: 'own' }], nodeSelector: new Map([['a', '1']]) }),
    }),
    sampleItem({
      podSpec: sampleSpec({ nodeSelector: new Map([['a', '1']]) }),
      requiredNodeLabels: new Map([['b', '2']]),
    }),
    sampleItem({ podSpec: sampleSpec({ containers: [{ name: 'without resources' }] }) }),
    sampleItem({ podSpec: undefined, podSpecs: [sampleSpec()], services: [{ type: 1, ports: [80] }] }),
  ];
  for (const item of items) {
    const [kept, meant] = keptAndMeant(item);
    assert.deepEqual(kept, meant);
  }
});
